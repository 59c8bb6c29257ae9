//! QEMU's control protocol: a JSON document on each line, answers in order, events in between.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::{Value, json};

use super::{ANSWER, VmError};

#[derive(Debug)]
pub(super) struct Qmp {
    stream: BufReader<UnixStream>,
    events: VecDeque<Value>,
}

impl Qmp {
    /// Takes the greeting and leaves the negotiation of capabilities.
    pub(super) fn new(stream: UnixStream) -> Result<Self, VmError> {
        let mut qmp = Self {
            stream: BufReader::new(stream),
            events: VecDeque::new(),
        };
        let deadline = Instant::now() + ANSWER;
        qmp.read("the greeting", deadline)?;
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Has QEMU do something, and waits for its answer.
    pub(super) fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, VmError> {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        line.push('\n');
        let sent = self.stream.get_mut().write_all(line.as_bytes());
        sent.map_err(|error| failed(command, error))?;
        let deadline = Instant::now() + ANSWER;
        loop {
            let mut answer = self.read(command, deadline)?;
            if answer["event"].is_string() {
                self.events.push_back(answer);
            } else if let Some(error) = answer.get("error") {
                return Err(failed(command, &error["desc"]));
            } else {
                return Ok(answer["return"].take());
            }
        }
    }

    /// Waits for an event with such data. Those before it are forgotten.
    pub(super) fn wait(
        &mut self,
        event: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<(), VmError> {
        let deadline = Instant::now() + ANSWER;
        loop {
            let next = match self.events.pop_front() {
                Some(next) => next,
                None => self.read(event, deadline)?,
            };
            if next["event"] == event && is_so(&next["data"]) {
                return Ok(());
            }
        }
    }

    fn read(&mut self, what: &str, deadline: Instant) -> Result<Value, VmError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(failed(what, "it does not answer"));
        }
        let mut line = String::new();
        let stream = self.stream.get_ref();
        stream
            .set_read_timeout(Some(left))
            .map_err(|error| failed(what, error))?;
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(failed(what, "it has ended")),
            Ok(_) => serde_json::from_str(&line).map_err(|error| failed(what, error)),
            Err(error) => Err(failed(what, error)),
        }
    }
}

fn failed(command: &str, why: impl ToString) -> VmError {
    let (command, why) = (command.to_owned(), why.to_string());
    VmError::Qmp { command, why }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A QEMU that answers each line with the next of these texts.
    fn qmp(answers: &'static [&'static str]) -> Qmp {
        let (ours, theirs) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let mut reader = BufReader::new(theirs.try_clone().unwrap());
            let mut theirs = theirs;
            theirs.write_all(b"{\"QMP\":{}}\n").unwrap();
            for answer in [&["{\"return\":{}}\n"], answers].concat() {
                reader.read_line(&mut String::new()).unwrap();
                theirs.write_all(answer.as_bytes()).unwrap();
            }
        });
        Qmp::new(ours).unwrap()
    }

    #[test]
    fn an_event_before_the_answer_is_not_lost() {
        let mut qmp = qmp(&[concat!(
            r#"{"event":"DEVICE_DELETED","data":{"path":"/x"}}"#,
            "\n",
            r#"{"event":"DEVICE_DELETED","data":{"device":"card1"}}"#,
            "\n",
            r#"{"return":{"a":1}}"#,
            "\n"
        )]);
        assert_eq!(qmp.execute("device_del", &json!({})).unwrap()["a"], 1);
        qmp.wait("DEVICE_DELETED", |data| data["device"] == "card1")
            .unwrap();
        let error = qmp.wait("SHUTDOWN", |_| true).unwrap_err().to_string();
        assert!(error.contains("it has ended"), "{error}");
    }

    #[test]
    fn what_is_refused_says_why() {
        let mut qmp = qmp(&["{\"error\":{\"class\":\"X\",\"desc\":\"no such device\"}}\n"]);
        let error = qmp.execute("device_del", &json!({})).unwrap_err();
        assert!(error.to_string().contains("no such device"), "{error}");
    }
}
