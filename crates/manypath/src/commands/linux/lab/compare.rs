//! `manypath lab compare`

use anyhow::Context;
use lab::compare::{Comparison, Options, Row, check_packages, peers_folder};

use crate::Failure;
use crate::commands::linux::raise_open_files;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Only these rows, by their keys in the table, separated by commas. Without: all, in some eight
    /// minutes.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    rows: Vec<Row>,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    check_packages()?;
    if !rustix::process::geteuid().is_root() {
        return Err(anyhow::anyhow!("lab compare makes network namespaces: run it as root").into());
    }
    raise_open_files();
    let rows = if arguments.rows.is_empty() {
        Row::ALL.to_vec()
    } else {
        arguments.rows
    };
    let comparison = Comparison::run(&Options {
        rows,
        program: std::env::current_exe().context("cannot find this program's own file")?,
        peers: peers_folder(),
    });
    if arguments.json {
        for note in comparison.notes() {
            eprintln!("{note}");
        }
        println!("{}", comparison.to_json());
    } else {
        print!("{comparison}");
    }
    Ok(())
}
