//! Asking through streams that somebody else opens.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::{read, written};
use crate::answer::{Answer, answers};
use crate::framed;
use crate::request::Question;

/// A stream to a name server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream that is open.
pub struct Opened {
    /// The stream.
    pub stream: Box<dyn Stream>,
    /// How many of the first bytes have been sent already.
    pub sent: usize,
}

/// An attempt to open one.
pub type Opening = Pin<Box<dyn Future<Output = io::Result<Opened>> + Send>>;

/// A name server that is asked through streams which `open` opens. `open` is given the bytes that will be
/// said first, so that they can travel with whatever opens the stream.
pub struct Tunnel {
    name: String,
    open: Box<dyn Fn(Vec<u8>) -> Opening + Send + Sync>,
    streams: Mutex<Vec<Handle>>,
    health: Mutex<Health>,
}

/// How it went lately.
#[derive(Clone, Copy, Debug, Default)]
struct Health {
    /// The last sign of life.
    heard: Option<Instant>,
    /// Somebody else had to be asked in its place.
    failing: bool,
}

/// A stream that is open or being opened.
#[derive(Debug)]
struct Handle {
    questions: mpsc::Sender<Asked>,
    waiting: Arc<AtomicUsize>,
}

/// A question and who wants to know.
struct Asked {
    message: Message,
    answer: oneshot::Sender<(Message, usize)>,
}

/// How many streams share the questions. On one alone a slow name could hold up those behind it, where
/// the server answers in order.
const SHARED: usize = 4;

/// The most there are: as many again for questions that were too long without an answer.
const MOST: usize = 2 * SHARED;

/// The most questions that wait on one stream.
const MOST_WAITING: usize = 256;

/// A stream on which nothing was asked for so long is closed (RFC 7766 section 6.2.3: a few seconds).
const IDLE: Duration = Duration::from_secs(10);

/// The longest that an answer is waited for.
const LONGEST: Duration = Duration::from_secs(20);

impl Tunnel {
    /// `name` is for messages.
    pub fn new(
        name: impl Into<String>,
        open: impl Fn(Vec<u8>) -> Opening + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            open: Box::new(open),
            streams: Mutex::default(),
            health: Mutex::default(),
        }
    }

    /// What the server answers; `again` if it was asked before and has not answered yet, on another stream
    /// then.
    ///
    /// # Errors
    /// When it can't be reached, or its stream ended.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        question: &Question,
        again: bool,
    ) -> io::Result<Answer> {
        let message = question.message(false);
        let (answer, answered) = oneshot::channel();
        let asked = Asked { message, answer };
        let _waits = self.hand_over(asked, again)?;
        let (message, size) = answered
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionAborted))?;
        Ok(Answer::new(message, question, size))
    }

    /// Whether it has given a sign of life since `then`.
    pub(crate) fn has_been_heard_since(&self, then: Instant) -> bool {
        self.health().heard.is_some_and(|heard| heard >= then)
    }

    /// Whether others had to be asked in its place, and it has not been heard of since.
    pub(crate) fn is_failing(&self) -> bool {
        self.health().failing
    }

    /// Somebody else is asked in its place.
    pub(crate) fn fails(&self) {
        self.health().failing = true;
    }

    fn lives(&self) {
        *self.health() = Health {
            heard: Some(Instant::now()),
            failing: false,
        };
    }

    /// To the stream with the fewest questions, or to a new one if that has any and there may be one more.
    fn hand_over(self: &Arc<Self>, asked: Asked, again: bool) -> io::Result<Waits> {
        let mut streams = self.streams();
        streams.retain(|it| !it.questions.is_closed());
        let most = if again { MOST } else { SHARED };
        let best = streams.iter().min_by_key(|it| it.waiting());
        let may_open = streams.len() < most;
        if let Some(best) = best.filter(|it| !may_open || (it.waiting() == 0 && !again)) {
            let waits = Waits::new(&best.waiting);
            let sent = best.questions.try_send(asked);
            return sent
                .map(|()| waits)
                .map_err(|_| io::ErrorKind::WouldBlock.into());
        }
        let (questions, more) = mpsc::channel(MOST_WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        let waits = Waits::new(&waiting);
        streams.push(Handle { questions, waiting });
        drop(streams);
        let tunnel = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = tunnel.run(asked, more).await {
                tracing::debug!(server = tunnel.name, %error, "a stream to a name server ended");
            }
        });
        Ok(waits)
    }

    /// One stream, from its first question on.
    async fn run(&self, first: Asked, mut more: mpsc::Receiver<Asked>) -> io::Result<()> {
        let bytes = framed::framed(&written(&first.message)?)?;
        let Opened { stream, sent } = (self.open)(bytes.clone()).await?;
        self.lives();
        let (mut input, mut output) = split(stream);
        output
            .write_all(bytes.get(sent..).unwrap_or_default())
            .await?;
        output.flush().await?;
        let mut waiting = HashMap::from([(first.message.metadata.id, first)]);
        let mut until = Instant::now() + LONGEST;
        // It must not be cancelled in the middle of a message.
        let mut reading = Box::pin(read_one(&mut input));
        loop {
            tokio::select! {
                message = &mut reading => {
                    let Some(bytes) = message? else { return Ok(()) };
                    self.lives();
                    let message = read(&bytes)?;
                    if let Some(asked) = waiting.remove(&message.metadata.id)
                        && answers(&message, &asked.message)
                    {
                        // Whoever asked may have an answer from elsewhere by now.
                        let _ = asked.answer.send((message, bytes.len()));
                    }
                    drop(reading);
                    reading = Box::pin(read_one(&mut input));
                }
                asked = more.recv() => {
                    let Some(mut asked) = asked else { return Ok(()) };
                    waiting.retain(|_, asked: &mut Asked| !asked.answer.is_closed());
                    while waiting.contains_key(&asked.message.metadata.id) {
                        asked.message.metadata.id = fresh_id();
                    }
                    framed::write(&mut output, &written(&asked.message)?).await?;
                    waiting.insert(asked.message.metadata.id, asked);
                    until = Instant::now() + LONGEST;
                }
                () = sleep_until(until) => return Ok(()),
            }
            if waiting.is_empty() {
                until = until.min(Instant::now() + IDLE);
            }
        }
    }

    fn streams(&self) -> MutexGuard<'_, Vec<Handle>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_one(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    framed::read(input).await
}

fn fresh_id() -> u16 {
    Message::query().metadata.id
}

impl Handle {
    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A question's place in the count of its stream, until dropped.
struct Waits(Arc<AtomicUsize>);

impl Waits {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tunnel").field(&self.name).finish()
    }
}

/// By identity: another one has other streams.
impl PartialEq for Tunnel {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Tunnel {}
