//! The pipe: one line of JSON each way for each client.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer};
use tokio::time::{Instant, timeout};
use winproc::{Access, AccessList, Identity, PipeListener, ServiceState, Sid};

use super::run::SERVICE;
use crate::control::{Answer, Asker, LONGEST_LINE, PIPE, Request};
use crate::service::Handle;

/// How long a client has for its question.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// How long a command waits for a place at the pipe, and for its answer: a removal deletes switches.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(300);

/// The pause after Windows refused an end of the pipe, and before a client looks for it again.
const PAUSE: Duration = Duration::from_millis(200);

/// Why the service could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is none, or the pipe is not its own.
    #[error(transparent)]
    Connect(#[from] winproc::Error),
    /// It has gone meanwhile.
    #[error("the service has ended meanwhile; manypath status says whether it is back")]
    Gone(#[source] io::Error),
    /// It does not answer.
    #[error("the service has not answered within {} s; manypath logs may say why", ANSWER_LIMIT.as_secs())]
    Silent,
    /// It is of another version.
    #[error(
        "the service's answer makes no sense ({0}); is it of another version? manypath install brings both to one"
    )]
    Nonsense(#[from] serde_json::Error),
}

/// Serves clients until the process ends. Everybody may ask; who may change things the service decides.
///
/// # Errors
/// When there can be no pipe.
pub fn listen(handle: Handle) -> Result<(), winproc::Error> {
    let access = AccessList::private().and(Sid::AUTHENTICATED_USERS, Access::Connect);
    let refused = |source| winproc::Error::Refused {
        operation: format!("listen on the pipe {PIPE}"),
        source,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(refused)?;
    let listener = {
        let _inside = runtime.enter();
        PipeListener::bind(PIPE, &access)?
    };
    std::thread::spawn(move || runtime.block_on(accept(listener, &handle)));
    Ok(())
}

async fn accept(mut listener: PipeListener, handle: &Handle) {
    loop {
        match listener.accept().await {
            Ok(pipe) => {
                let handle = handle.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(pipe, handle).await {
                        tracing::debug!("a client of the pipe: {error}");
                    }
                });
            }
            Err(error) => {
                tracing::warn!("the pipe {PIPE}: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(mut pipe: NamedPipeServer, handle: Handle) -> io::Result<()> {
    let question = timeout(QUESTION_LIMIT, read_line(&mut pipe)).await??;
    let identity = Identity::of_client(&pipe).map_err(io::Error::other)?;
    let answer = match serde_json::from_str::<Request>(&question) {
        Err(error) => Answer::Refused(format!(
            "the service does not understand this ({error}); is it of another version? manypath install brings both to one"
        )),
        Ok(request) => {
            let asker = Asker {
                sid: identity.sid.to_string(),
                is_administrator: identity.is_administrator,
            };
            tokio::task::spawn_blocking(move || handle.ask(request, asker)).await?
        }
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    pipe.write_all(&line).await?;
    // Until the client has read it all: what is still in the pipe goes with its end.
    let _ = timeout(QUESTION_LIMIT, pipe.read(&mut [0])).await;
    Ok(())
}

/// Asks the service.
///
/// # Errors
/// When it can't be asked.
pub fn ask(request: &Request) -> Result<Answer, AskError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AskError::Gone)?;
    runtime.block_on(async {
        let mut pipe = connect().await?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        pipe.write_all(&line).await.map_err(AskError::Gone)?;
        let answer = timeout(ANSWER_LIMIT, read_line(&mut pipe)).await;
        let answer = answer
            .map_err(|_| AskError::Silent)?
            .map_err(AskError::Gone)?;
        Ok(serde_json::from_str(&answer)?)
    })
}

/// A service that has just been started has no pipe yet.
async fn connect() -> Result<NamedPipeClient, winproc::Error> {
    let deadline = Instant::now() + CONNECT_LIMIT;
    loop {
        match winproc::connect(PIPE, CONNECT_LIMIT).await {
            Err(winproc::Error::NoPipe { .. }) if runs() && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            connected => return connected,
        }
    }
}

fn runs() -> bool {
    matches!(
        winproc::service_state(SERVICE),
        Ok(Some(ServiceState::Running))
    )
}

async fn read_line(pipe: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut line = String::new();
    let mut pipe = BufReader::new(pipe).take(LONGEST_LINE as u64);
    pipe.read_line(&mut line).await?;
    match line.pop() {
        Some('\n') => Ok(line),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
