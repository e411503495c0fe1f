//! A host: a network namespace that a thread keeps, with one device into the fabric.

use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, setns, unshare};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::LabError;

/// Name of the one device of every host.
const DEVICE: &str = "net0";
/// Name of the device that would carry a VPN.
const LINE: &str = "eth0";
const MTU: u16 = 1500;

type Job = Box<dyn FnOnce() + Send>;

/// A machine of the lab.
#[derive(Debug)]
pub struct Host {
    name: String,
    addresses: Vec<IpAddr>,
    namespace: File,
    jobs: Option<mpsc::Sender<Job>>,
    keeper: Option<JoinHandle<()>>,
}

impl Host {
    /// Makes the namespace and its device, which is the caller's to feed. With a `line`, the device poses as a VPN's: a second
    /// one has that address, through which nothing goes.
    pub(crate) fn create(
        name: &str,
        addresses: Vec<IpAddr>,
        line: Option<IpAddr>,
    ) -> Result<(Self, SyncDevice), LabError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (made, making) = mpsc::channel();
        let device_addresses = addresses.clone();
        let keeper = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The receiver waits for exactly this message and outlives it.
            let _ = made.send(namespace(&device_addresses, line));
            inbox.into_iter().for_each(|job| job());
        });
        let wrong = |step, source| LabError::Host { host: name.to_owned(), step, source };
        let keeper = keeper.map_err(|source| wrong("starting its thread", source))?;
        let made = making.recv().map_err(|_| LabError::Gone(name.to_owned()))?;
        let (namespace, device) = made.map_err(|(step, source)| wrong(step, source))?;
        let host = Self { name: name.to_owned(), addresses, namespace, jobs: Some(jobs), keeper: Some(keeper) };
        Ok((host, device))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its addresses, the IPv4 one first.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Runs a short job on the host's own thread. That thread lives as long as the host, so a process that the job starts
    /// may tie its life to it.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, LabError> {
        let gone = || LabError::Gone(self.name.clone());
        let (done, doing) = mpsc::channel();
        let job = Box::new(move || {
            // The caller below waits for it.
            let _ = done.send(job());
        });
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        doing.recv().map_err(|_| gone())
    }

    /// Runs `body` on a thread of its own in this host's network and waits for it. Sockets that it opens belong to the host.
    pub fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        let entered = thread::scope(|scope| {
            let thread = scope.spawn(|| setns(&self.namespace, CloneFlags::CLONE_NEWNET).map(|()| body()));
            thread.join()
        });
        match entered {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(errno)) => {
                Err(LabError::Host { host: self.name.clone(), step: "entering its namespace", source: errno.into() })
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Without a sender the thread's loop ends.
        self.jobs = None;
        if let Some(keeper) = self.keeper.take() {
            // A panic of the keeper was reported when it happened.
            let _ = keeper.join();
        }
    }
}

type Step<T> = Result<T, (&'static str, io::Error)>;

/// Moves the calling thread into a new network namespace and equips it.
fn namespace(addresses: &[IpAddr], line: Option<IpAddr>) -> Step<(File, SyncDevice)> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| ("making a network namespace", errno.into()))?;
    let namespace = File::open("/proc/thread-self/ns/net").map_err(|e| ("opening its namespace", e))?;
    let device = DeviceBuilder::new().name(DEVICE).enable(false).mtu(MTU).build_sync();
    let device = device.map_err(|e| ("making its network device", e))?;
    device.set_nonblocking(true).map_err(|e| ("making its network device non-blocking", e))?;
    configure(&batch(addresses, line)).map_err(|e| ("giving it addresses and routes", e))?;
    Ok((namespace, device))
}

/// Whether this kernel speaks IPv6. Without it a lab has IPv4 only.
pub(crate) fn has_ipv6() -> bool {
    Path::new("/proc/net/if_inet6").exists()
}

/// What `ip -batch` is told. No address is checked for duplicates (there is no link to ask on), or it could not be used yet.
fn batch(addresses: &[IpAddr], line: Option<IpAddr>) -> String {
    let mut lines = vec!["link set lo up".to_owned(), format!("link set {DEVICE} addrgenmode none up")];
    if let Some(line) = line {
        lines.push(format!("tuntap add dev {LINE} mode tap"));
        lines.push(format!("link set {LINE} up"));
        lines.push(format!("addr add {line}/32 dev {LINE}"));
    }
    let ipv6 = has_ipv6();
    for address in addresses.iter().filter(|address| address.is_ipv4() || ipv6) {
        lines.push(match address {
            IpAddr::V4(v4) => format!("addr add {v4}/32 dev {DEVICE}"),
            IpAddr::V6(v6) => format!("addr add {v6}/128 dev {DEVICE} nodad"),
        });
    }
    lines.push(format!("route add 0.0.0.0/0 dev {DEVICE}"));
    if ipv6 {
        lines.push(format!("route add ::/0 dev {DEVICE}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn configure(batch: &str) -> io::Result<()> {
    let mut ip = Command::new("ip");
    ip.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = ip.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(batch.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("ip: {}", String::from_utf8_lossy(&output.stderr).trim())))
}
