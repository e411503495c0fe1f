//! The servers of the lab: real nginx, real unbound, and HTTP/3.

mod h3;
mod nginx;
mod unbound;

pub(crate) use h3::H3Server;
pub(crate) use nginx::{helper as prepare_helper, portal as prepare_portal, prepare as prepare_sites};
pub(crate) use unbound::{isp_resolver, portal_resolver, public_resolver};

use std::fs;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name as DnsName, RecordType};

use crate::process::{self, Process};
use crate::{Host, LabError};

/// Time a service has to answer for the first time. They need tens of milliseconds; a loaded machine much more.
const START: Duration = Duration::from_secs(20);
/// Time one question to a service has.
const ASK: Duration = Duration::from_millis(250);
/// Bytes of a log shown when a service does not come up.
const LAST_WORDS: usize = 600;

/// A server program with the folder in which it lives.
pub(crate) struct Service<'a> {
    pub(crate) name: &'static str,
    pub(crate) host: &'a Host,
    pub(crate) folder: &'a Path,
}

impl Service<'_> {
    /// Starts unbound on `unbound.conf` and waits until it answers.
    pub(crate) fn unbound(&self, resolver: SocketAddr, doh: Option<SocketAddr>) -> Result<Process, LabError> {
        let config = self.folder.join("unbound.conf");
        let process = self.start(&["-d", "-c", &config.display().to_string()])?;
        self.wait(process, || answers_dns(resolver) && doh.is_none_or(accepts))
    }

    /// Starts nginx on `nginx.conf` and waits until it listens everywhere it should.
    pub(crate) fn nginx(
        &self,
        listens: impl IntoIterator<Item = SocketAddr> + Clone + Sync,
    ) -> Result<Process, LabError> {
        let config = self.folder.join("nginx.conf").display().to_string();
        let log = self.folder.join("nginx.log").display().to_string();
        let process = self.start(&["-e", &log, "-c", &config])?;
        self.wait(process, || listens.clone().into_iter().all(accepts))
    }

    fn start(&self, args: &[&str]) -> Result<Process, LabError> {
        let program = crate::space::find(self.name)
            .ok_or_else(|| LabError::Unavailable(format!("{} is not installed", self.name)))?;
        let mut command = process::command(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        spawn(self.host, command)
    }

    fn wait(&self, mut started: Process, answers: impl Fn() -> bool + Sync) -> Result<Process, LabError> {
        let up = process::wait_for(START, || {
            if self.host.inside(&answers).unwrap_or(false) {
                return Some(true);
            }
            let ended = !matches!(started.try_wait(), Ok(None));
            ended.then_some(false)
        });
        if up == Some(true) {
            return Ok(started);
        }
        Err(LabError::Silent {
            service: self.name,
            host: self.host.name().to_owned(),
            waited: START,
            log: self.last_words(),
        })
    }

    fn last_words(&self) -> String {
        let log = fs::read(self.folder.join(format!("{}.log", self.name))).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(LAST_WORDS)..];
        String::from_utf8_lossy(tail).trim().to_owned()
    }
}

/// Starts a program on a host. The host's keeper starts it, so that the kernel ties its life to the host's. Returns when it
/// is tied: a host that ended before would leave it running.
pub(crate) fn spawn(host: &Host, mut command: Command) -> Result<Process, LabError> {
    let program = format!("{command:?}");
    let ties = command.get_program() == process::TIE;
    let child = host.run(move || command.spawn())?;
    let child = child.map_err(|source| LabError::Spawn { program, host: host.name().to_owned(), source })?;
    if ties {
        // One that never gets so far has no work to do either, and shows it by silence.
        let _ = process::wait_for(START, || (!is_tying(child.id())).then_some(()));
    }
    Ok(Process::new(child))
}

/// Whether a process has not yet become the program that it ties to its host. Its file tells, and not its command line, which
/// is empty for a moment while it becomes another program. Of a process that has ended nothing can be read.
fn is_tying(id: u32) -> bool {
    fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|file| file.file_name() == Some(process::TIE.as_ref()))
}

fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, ASK).is_ok()
}

/// Whether a resolver answers anything at all. Asked about itself, it needs nobody else.
fn answers_dns(resolver: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind(SocketAddr::new(resolver.ip(), 0))?;
        socket.connect(resolver)?;
        socket.set_read_timeout(Some(ASK))?;
        let mut query = Message::query();
        query.metadata.id = 1;
        query.add_query(Query::query(DnsName::from_ascii("localhost.").unwrap_or_default(), RecordType::A));
        socket.send(&query.to_vec().unwrap_or_default())?;
        Ok(socket.recv(&mut [0; 512]).is_ok())
    };
    ask().unwrap_or(false)
}
