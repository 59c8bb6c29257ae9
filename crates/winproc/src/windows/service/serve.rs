//! What a service does with what Windows tells it.

use std::ffi::OsString;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windows_service::define_windows_service;
use windows_service::service::{
    PowerEventParam, ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState,
    ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::service_dispatcher;

use super::io_error;
use crate::error::Error;

/// How long a stop may take before Windows thinks that it has failed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The exit code of a service that has failed, so that Windows starts it again.
const FAILED: u32 = 1;

/// What Windows tells a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Stop, or the PC shuts down.
    Stop,
    /// Somebody has logged on or off, or sits elsewhere now.
    Session,
    /// The PC has slept.
    Resume,
}

type Work = Box<dyn FnOnce(Receiver<Control>) -> bool + Send>;

/// The work of this process' only service, until Windows asks for it.
static WORK: Mutex<Option<(String, Work)>> = Mutex::new(None);

define_windows_service!(ffi_main, main);

/// Runs the service of this name, as Windows has started it, until `work` returns. `false` from it says that
/// the service has failed: Windows starts it again.
///
/// # Errors
/// When Windows has not started this program as a service.
pub fn serve(
    name: &str,
    work: impl FnOnce(Receiver<Control>) -> bool + Send + 'static,
) -> Result<(), Error> {
    *lock() = Some((name.to_owned(), Box::new(work)));
    service_dispatcher::start(name, ffi_main)
        .map_err(io_error)
        .map_err(Error::refused(format!(
            "run as the service {name}: only Windows may start it (manypath up does)"
        )))
}

fn main(_arguments: Vec<OsString>) {
    let Some((name, work)) = lock().take() else {
        return;
    };
    let (tell, told) = mpsc::channel();
    // Without it Windows can't be told anything either.
    let Ok(status) = service_control_handler::register(&name, move |it| handle(&it, &tell)) else {
        return;
    };
    let accepted = ServiceControlAccept::STOP
        | ServiceControlAccept::SHUTDOWN
        | ServiceControlAccept::SESSION_CHANGE
        | ServiceControlAccept::POWER_EVENT;
    report(status, ServiceState::Running, accepted, 0);
    let (stops, controls) = mpsc::channel();
    // Windows is told at once that the stop is under way.
    std::thread::spawn(move || {
        for control in told {
            if control == Control::Stop {
                let none = ServiceControlAccept::empty();
                report(status, ServiceState::StopPending, none, 0);
            }
            // It may have ended by itself.
            let _ = stops.send(control);
        }
    });
    let is_well = work(controls);
    let code = if is_well { 0 } else { FAILED };
    let none = ServiceControlAccept::empty();
    report(status, ServiceState::Stopped, none, code);
}

fn handle(control: &ServiceControl, tell: &Sender<Control>) -> ServiceControlHandlerResult {
    let control = match control {
        ServiceControl::Stop | ServiceControl::Shutdown => Control::Stop,
        ServiceControl::SessionChange(_) => Control::Session,
        ServiceControl::PowerEvent(
            PowerEventParam::ResumeAutomatic | PowerEventParam::ResumeSuspend,
        ) => Control::Resume,
        ServiceControl::Interrogate | ServiceControl::PowerEvent(_) => {
            return ServiceControlHandlerResult::NoError;
        }
        _ => return ServiceControlHandlerResult::NotImplemented,
    };
    // It may have ended by itself.
    let _ = tell.send(control);
    ServiceControlHandlerResult::NoError
}

fn report(
    status: ServiceStatusHandle,
    state: ServiceState,
    controls_accepted: ServiceControlAccept,
    code: u32,
) {
    let is_pending = state == ServiceState::StopPending;
    // Nobody is left who could be told of a failure.
    let _ = status.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted,
        exit_code: match code {
            0 => ServiceExitCode::NO_ERROR,
            code => ServiceExitCode::ServiceSpecific(code),
        },
        checkpoint: u32::from(is_pending),
        wait_hint: if is_pending {
            STOP_LIMIT
        } else {
            Duration::ZERO
        },
        process_id: None,
    });
}

/// No panic leaves it half changed.
fn lock() -> std::sync::MutexGuard<'static, Option<(String, Work)>> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}
