//! The control socket: whoever connects gets the status as one JSON document.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};

use crate::status::Reader;

/// How long to wait when the control socket gives no connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The control socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Somebody answers on it.
    #[error(
        "an edge runs already: it answers on {0}; stop it first, or give this one another control.socket"
    )]
    Running(PathBuf),
    /// The file system refuses.
    #[error("cannot make the control socket {path}; check control.socket and the folder's rights")]
    Socket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The control socket. Its file goes with it.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Makes the socket, for its owner alone. A file that a killed edge left is replaced.
    ///
    /// # Errors
    /// When another edge answers there, or the folder can't be written.
    pub async fn bind(path: &Path) -> Result<Self, ControlError> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(ControlError::Running(path.to_owned()));
        }
        let failed = |source| ControlError::Socket {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Answers until dropped.
    pub async fn serve(&self, reader: &Reader) {
        loop {
            let mut stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Mostly want of open files, which does not pass by asking again at once.
                    tracing::debug!("control socket: {error}");
                    tokio::time::sleep(BACK_OFF).await;
                    continue;
                }
            };
            let status = reader.status().await;
            let text = serde_json::to_vec(&status).unwrap_or_else(|error| {
                tracing::warn!("the status can't be written: {error}");
                Vec::new()
            });
            // A reader that went away needs nothing, and a slow one must not stop the others.
            tokio::spawn(async move { drop(stream.write_all(&text).await) });
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
