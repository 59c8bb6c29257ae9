//! Installs services, starts and stops them. All but looking needs an administrator's rights.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::Foundation::{
    ERROR_INVALID_LEVEL, ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_DOES_NOT_EXIST,
    ERROR_SERVICE_NOT_ACTIVE,
};

use super::super::ffi::is;
use super::io_error;
use crate::error::Error;

pub use windows_service::service::ServiceState;

/// A service that crashes or fails is started again after these times, the last one for all that follow.
const AGAIN_AFTER: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// Crashes so long ago are forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How often it is looked whether a service has started or stopped: Windows tells only those who ask.
const LOOK: Duration = Duration::from_millis(50);

/// A service as it is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What programs know it by.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// What it is good for.
    pub description: String,
    /// The program that it runs.
    pub program: PathBuf,
    /// With these arguments.
    pub arguments: Vec<OsString>,
}

/// Makes it known to Windows, or changes it to be like this: run as LocalSystem, started with Windows, and
/// again when it fails.
///
/// # Errors
/// When Windows refuses.
pub fn install_service(service: &Installed) -> Result<(), Error> {
    let install = || {
        let info = info(service);
        // Actions that start a service need the right to start it.
        let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
        let installed = match open(&service.name, access)? {
            Some(known) => {
                known.change_config(&info).map_err(io_error)?;
                known
            }
            None => manager(ServiceManagerAccess::CREATE_SERVICE)?
                .create_service(&info, access)
                .map_err(io_error)?,
        };
        installed
            .set_description(&service.description)
            .map_err(io_error)?;
        set_recovery(&installed)
    };
    let refused = Error::refused(format!("install the service {}", service.name));
    install().map_err(refused)
}

fn set_recovery(service: &Service) -> io::Result<()> {
    let again = |delay| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay,
    };
    let actions = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGET_AFTER),
        reboot_msg: None,
        command: None,
        actions: Some(AGAIN_AFTER.map(again).to_vec()),
    };
    service.update_failure_actions(actions).map_err(io_error)?;
    let also_failures = service.set_failure_actions_on_non_crash_failures(true);
    match also_failures.map_err(io_error) {
        // Wine knows nothing of it. A crash counts all the same.
        Err(error) if is(&error, ERROR_INVALID_LEVEL) => Ok(()),
        other => other,
    }
}

/// Stops it and makes Windows forget it. May be repeated.
///
/// # Errors
/// When Windows refuses, or it does not stop in time.
pub fn remove_service(name: &str, limit: Duration) -> Result<(), Error> {
    stop_service(name, limit)?;
    let remove = || match open(name, ServiceAccess::DELETE)? {
        Some(service) => service.delete().map_err(io_error),
        None => Ok(()),
    };
    remove().map_err(Error::refused(format!("remove the service {name}")))
}

/// Starts it, if it doesn't run, and waits until it does.
///
/// # Errors
/// When Windows refuses, or it does not start in time.
pub fn start_service(name: &str, limit: Duration) -> Result<(), Error> {
    let start = || {
        let access = ServiceAccess::START | ServiceAccess::QUERY_STATUS;
        let service = open(name, access)?.ok_or(io::ErrorKind::NotFound)?;
        match service.start::<OsString>(&[]).map_err(io_error) {
            Err(error) if !is(&error, ERROR_SERVICE_ALREADY_RUNNING) => return Err(error),
            _ => {}
        }
        wait(&service, ServiceState::Running, limit)
    };
    start().map_err(Error::refused(format!("start the service {name}")))
}

/// Stops it, if it runs, and waits until it has ended.
///
/// # Errors
/// When Windows refuses, or it does not stop in time.
pub fn stop_service(name: &str, limit: Duration) -> Result<(), Error> {
    let stop = || {
        let access = ServiceAccess::STOP | ServiceAccess::QUERY_STATUS;
        let Some(service) = open(name, access)? else {
            return Ok(());
        };
        match service.stop().map_err(io_error) {
            Err(error) if !is(&error, ERROR_SERVICE_NOT_ACTIVE) => return Err(error),
            _ => {}
        }
        wait(&service, ServiceState::Stopped, limit)
    };
    stop().map_err(Error::refused(format!("stop the service {name}")))
}

/// How it is; `None` if there is no such service.
///
/// # Errors
/// When Windows refuses.
pub fn service_state(name: &str) -> Result<Option<ServiceState>, Error> {
    let look = || match open(name, ServiceAccess::QUERY_STATUS)? {
        Some(service) => {
            let status = service.query_status().map_err(io_error)?;
            Ok(Some(status.current_state))
        }
        None => Ok(None),
    };
    look().map_err(Error::refused(format!("look at the service {name}")))
}

fn info(service: &Installed) -> ServiceInfo {
    ServiceInfo {
        name: (&service.name).into(),
        display_name: (&service.display_name).into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: service.program.clone(),
        launch_arguments: service.arguments.clone(),
        dependencies: Vec::new(),
        // LocalSystem.
        account_name: None,
        account_password: None,
    }
}

fn manager(access: ServiceManagerAccess) -> io::Result<ServiceManager> {
    let access = ServiceManagerAccess::CONNECT | access;
    ServiceManager::local_computer(None::<&str>, access).map_err(io_error)
}

/// `None` if there is no such service.
fn open(name: &str, access: ServiceAccess) -> io::Result<Option<Service>> {
    let manager = manager(ServiceManagerAccess::empty())?;
    match manager.open_service(name, access).map_err(io_error) {
        Ok(service) => Ok(Some(service)),
        Err(error) if is(&error, ERROR_SERVICE_DOES_NOT_EXIST) => Ok(None),
        Err(error) => Err(error),
    }
}

fn wait(service: &Service, wanted: ServiceState, limit: Duration) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let state = service.query_status().map_err(io_error)?.current_state;
        if state == wanted {
            return Ok(());
        }
        let has_given_up = wanted == ServiceState::Running && state == ServiceState::Stopped;
        if has_given_up {
            let why = "it has ended at once; Windows' event log and its own log say why";
            return Err(io::Error::other(why));
        }
        if Instant::now() >= deadline {
            return Err(io::Error::other(format!(
                "it is {state:?} after {limit:?}, not {wanted:?}"
            )));
        }
        thread::sleep(LOOK);
    }
}
