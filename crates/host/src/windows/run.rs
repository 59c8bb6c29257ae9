//! The service as Windows runs it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use hcs::{Dlls, Hcs, Recorder};
use winnet::{IpHelper, Net, RegistryPolicy};
use winproc::{Control, LoggedOn, Program};

use super::files::{Folders, beside_the_program, shelf};
use super::hyper_v::HyperV;
use super::registry::WindowsRegistry;
use super::{log, pipe};
use crate::causes::with_causes;
use crate::service::{Parts, Service};
use crate::store::StoreError;

/// What Windows knows the service by.
pub const SERVICE: &str = "manypath";

/// Why the service can't run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Windows(#[from] winproc::Error),
    #[error("there can be no log")]
    Log(#[from] tracing_appender::rolling::InitError),
    #[error(transparent)]
    Hcs(#[from] hcs::LoadError),
    #[error(transparent)]
    Network(#[from] winnet::LoadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("Windows can't say where this program is")]
    Program(#[from] io::Error),
}

/// Runs the service, as Windows has started it, until Windows stops it.
///
/// # Errors
/// When Windows has not started this program as a service.
pub fn serve() -> Result<(), winproc::Error> {
    winproc::serve(SERVICE, |controls| match run(controls) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!("the service cannot run: {}", with_causes(&error));
            false
        }
    })
}

fn run(controls: Receiver<Control>) -> Result<(), RunError> {
    let folders = Folders::find()?;
    folders.make()?;
    log::start(&folders.logs)?;
    tracing::info!("manypath {} starts", env!("CARGO_PKG_VERSION"));
    let recorder = Arc::new(Recorder::new(Arc::new(Dlls::load()?)));
    let (service, handle) = Service::new(Parts {
        hcs: Hcs::new(recorder.clone()),
        recorder,
        net: Net::new(Arc::new(IpHelper::load()?)),
        policy: Arc::new(RegistryPolicy),
        users: Arc::new(LoggedOn),
        registry: Arc::new(WindowsRegistry),
        other_way: Box::new(HyperV),
        store: folders.store(),
        image: beside_the_program()?,
        shelf: shelf()?,
        program: Program::new(std::env::current_exe()?.to_string_lossy())
            .map_err(winproc::Error::from)?,
    })?;
    pipe::listen(handle.clone())?;
    std::thread::spawn(move || {
        for control in controls {
            tracing::info!("Windows says: {control:?}");
            match control {
                Control::Stop => handle.stop(),
                Control::Session | Control::Resume => handle.look(),
            }
        }
    });
    service.run();
    tracing::info!("the service has stopped");
    Ok(())
}
