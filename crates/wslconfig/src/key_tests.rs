use super::*;

#[test]
fn keys_have_the_names_that_wsl_gives_them() {
    assert_eq!(Key::Kernel.to_string(), "wsl2.kernel");
    assert_eq!(Key::KernelModules.to_string(), "wsl2.kernelModules");
    assert_eq!(
        Key::InstanceIdleTimeout.to_string(),
        "general.instanceIdleTimeout"
    );
    assert_eq!(Key::NetworkingMode.to_string(), "wsl2.networkingMode");
}

#[test]
fn one_policy_governs_the_kernel_and_its_modules() {
    assert_eq!(Key::Kernel.policy(), Some("AllowKernelUserSetting"));
    assert_eq!(Key::KernelModules.policy(), Key::Kernel.policy());
    assert_ne!(Key::KernelCommandLine.policy(), Key::Kernel.policy());
    assert_eq!(Key::VmIdleTimeout.policy(), None);
}
