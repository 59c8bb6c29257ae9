use super::*;

const UBUNTU: Uuid = Uuid::from_u128(1);
const OURS: Uuid = Uuid::from_u128(2);
const CONFIG: &[u8] = b"# mine\r\n[wsl2]\r\nmemory=4GB # enough\r\n";

fn wanted(goal: Goal) -> Wanted {
    let path = |name: &str| {
        format!("C:\\Program Files\\Manypath\\{name}")
            .parse()
            .unwrap()
    };
    Wanted {
        goal,
        kernel: WantedKernel::Ours(Kernel {
            kernel: path("kernel"),
            modules: path("modules.vhdx"),
        }),
        distribution: "Manypath".to_owned(),
        image: "0.1.0".to_owned(),
    }
}

fn distribution(id: Uuid, name: &str) -> Distribution {
    Distribution {
        id,
        name: name.to_owned(),
    }
}

/// A user with a `.wslconfig` and a distribution.
fn fresh() -> Observed {
    Observed {
        config: CONFIG.to_vec(),
        distributions: vec![distribution(UBUNTU, "Ubuntu")],
        default: Some(UBUNTU),
        ..Observed::default()
    }
}

/// The world after the steps. What was recorded is there before what it is about is done.
fn after(observed: &Observed, plan: &Plan) -> Observed {
    let mut after = observed.clone();
    for step in &plan.steps {
        match step {
            Step::Record(record) => after.record = record.clone(),
            Step::WriteConfig(config) => after.config.clone_from(config),
            Step::Unregister(name) => after.distributions.retain(|it| it.name != *name),
            Step::Import(name) => {
                let import = after.record.import.as_ref().expect("recorded before");
                assert_eq!(import.name, *name);
                after.distributions.push(distribution(OURS, name));
                after.default.get_or_insert(OURS);
            }
            Step::SetDefault(other) => after.default = Some(other.id),
        }
    }
    after
}

/// Plans and does, and has nothing more to do.
fn reach(goal: Goal, observed: &Observed) -> Observed {
    let there = after(observed, &plan(&wanted(goal), observed));
    assert_eq!(plan(&wanted(goal), &there).steps, [], "it comes to rest");
    there
}

#[test]
fn a_user_gets_kernel_and_distribution_and_gets_back_what_was_there() {
    let set_up = reach(Goal::Up, &fresh());
    let text = String::from_utf8(set_up.config.clone()).unwrap();
    assert!(text.contains("kernelModules"), "{text}");
    assert!(text.contains("memory=4GB # enough\r\n"), "{text}");
    assert_eq!(set_up.distributions.len(), 2);
    assert_eq!(set_up.default, Some(UBUNTU));
    assert_eq!(reach(Goal::Gone, &set_up), fresh());
}

#[test]
fn a_user_without_file_and_distributions_has_none_again_afterwards() {
    let nothing = Observed::default();
    let set_up = reach(Goal::Up, &nothing);
    let gone = reach(Goal::Gone, &set_up);
    assert_eq!(gone.config, nothing.config);
    assert_eq!(gone.record, Record::default());
    assert!(gone.distributions.is_empty());
}

#[test]
fn down_changes_nothing() {
    let set_up = reach(Goal::Up, &fresh());
    assert_eq!(plan(&wanted(Goal::Down), &set_up), Plan::default());
}

#[test]
fn a_kernel_that_is_gone_makes_room_for_the_former_one() {
    let set_up = reach(Goal::Up, &fresh());
    let wanted = |kernel| Wanted {
        kernel,
        ..wanted(Goal::Up)
    };
    let former = wanted(WantedKernel::Former);
    let back = after(&set_up, &plan(&former, &set_up));
    assert_eq!(back.config, CONFIG);
    assert_eq!(back.distributions, set_up.distributions);
    assert_eq!(plan(&former, &back), Plan::default(), "it comes to rest");
    assert_eq!(reach(Goal::Gone, &back), fresh());
}

#[test]
fn a_file_that_somebody_else_sees_to_is_left_alone() {
    let set_up = reach(Goal::Up, &fresh());
    let wanted = Wanted {
        kernel: WantedKernel::Theirs,
        ..wanted(Goal::Up)
    };
    assert_eq!(plan(&wanted, &set_up), Plan::default());
    let steps = plan(&wanted, &fresh()).steps;
    let writes = |step: &Step| matches!(step, Step::WriteConfig(_));
    assert!(!steps.iter().any(writes), "{steps:?}");
}

#[test]
fn a_crash_between_any_two_steps_loses_nothing() {
    let full = plan(&wanted(Goal::Up), &fresh()).steps;
    for done in 0..=full.len() {
        let steps = full[..done].to_vec();
        let problems = Vec::new();
        let crashed = after(&fresh(), &Plan { steps, problems });
        assert_eq!(
            reach(Goal::Gone, &reach(Goal::Up, &crashed)),
            fresh(),
            "after {done} steps"
        );
        assert_eq!(reach(Goal::Gone, &crashed), fresh(), "after {done} steps");
    }
}

#[test]
fn a_new_image_takes_the_place_of_the_old_one() {
    let set_up = reach(Goal::Up, &fresh());
    let newer = Wanted {
        image: "0.2.0".to_owned(),
        ..wanted(Goal::Up)
    };
    let steps = plan(&newer, &set_up).steps;
    let short: Vec<&Step> = steps
        .iter()
        .filter(|it| !matches!(it, Step::Record(_)))
        .collect();
    let name = || "Manypath".to_owned();
    assert_eq!(short, [&Step::Unregister(name()), &Step::Import(name())]);
    let upgraded = after(&set_up, &plan(&newer, &set_up));
    let import = upgraded.record.import.as_ref().unwrap();
    assert_eq!(import.image, "0.2.0");
    assert_eq!(import.former_default, Some(UBUNTU));
}

#[test]
fn another_name_in_the_settings_leaves_no_distribution_behind() {
    let set_up = reach(Goal::Up, &fresh());
    let renamed = Wanted {
        distribution: "Paths".to_owned(),
        ..wanted(Goal::Up)
    };
    let there = after(&set_up, &plan(&renamed, &set_up));
    let names: Vec<&str> = there
        .distributions
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["Ubuntu", "Paths"]);
    assert_eq!(reach(Goal::Gone, &there), fresh());
}

#[test]
fn a_distribution_of_the_users_own_with_our_name_is_not_touched() {
    let mut observed = fresh();
    observed.distributions.push(distribution(OURS, "manypath"));
    let plan = plan(&wanted(Goal::Up), &observed);
    assert_eq!(plan.problems, [Problem::NameTaken("Manypath".to_owned())]);
    assert_eq!(
        after(&observed, &plan).distributions,
        observed.distributions
    );
    assert_eq!(
        reach(Goal::Gone, &observed).distributions,
        observed.distributions
    );
}

#[test]
fn the_users_default_distribution_is_theirs_again() {
    let mut set_up = reach(Goal::Up, &fresh());
    set_up.default = Some(OURS);
    let ubuntu = distribution(UBUNTU, "Ubuntu");
    assert_eq!(
        plan(&wanted(Goal::Up), &set_up).steps,
        [Step::SetDefault(ubuntu)]
    );
}

#[test]
fn what_forbids_the_kernel_is_named() {
    let mut observed = fresh();
    observed.forbidden = vec!["AllowKernelUserSetting".to_owned()];
    observed.config = b"[wsl2]\nsafeMode = true\n".to_vec();
    let problems = plan(&wanted(Goal::Up), &observed).problems;
    let words: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert!(
        words[0].contains("AllowKernelUserSetting forbids wsl2.kernel"),
        "{words:?}"
    );
    assert!(words[1].contains("line 2"), "{words:?}");
}

#[test]
fn a_file_that_wsl_cannot_read_stays_and_so_does_the_record() {
    let set_up = reach(Goal::Up, &fresh());
    let broken = Observed {
        // Big-endian UTF-16.
        config: vec![0xfe, 0xff, 0, b'x'],
        ..set_up.clone()
    };
    for goal in [Goal::Up, Goal::Gone] {
        let plan = plan(&wanted(goal), &broken);
        assert!(matches!(plan.problems[..], [Problem::Config(_)]));
        let there = after(&broken, &plan);
        assert_eq!(there.config, broken.config);
        assert_eq!(there.record.changes, set_up.record.changes);
    }
}
