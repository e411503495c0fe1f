//! The fabric: carries packets between the hosts' devices as the [`Network`] says. One thread owns everything: it waits for
//! packets, for the next hop that is due and for orders, then acts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tun_rs::SyncDevice;

use crate::censor::Direction;
use crate::network::{Hop, HostIndex, Moving, Network};
use crate::{Isp, LabError, Rule};

/// Larger than any packet of a device with an MTU of 1500.
const PACKET: usize = 65536;

/// An order to the fabric's thread.
enum Order {
    SetRules { isp: Isp, rules: Vec<Rule>, done: mpsc::Sender<()> },
}

/// The running fabric. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Fabric {
    orders: mpsc::Sender<Order>,
    /// A byte wakes the thread to look for orders; its closing ends the thread.
    wake: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Fabric {
    /// Starts carrying packets. `devices[i]` is the device of host `i`.
    pub(crate) fn start(network: Network, devices: Vec<SyncDevice>) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let (wake, woken) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let carrier = Carrier { network, devices, inbox, woken, due: BinaryHeap::new(), moved: 0 };
        let thread = thread::Builder::new().name("fabric".to_owned()).spawn(move || carrier.run())?;
        Ok(Self { orders, wake: Some(wake), thread: Some(thread) })
    }

    /// Gives an ISP's censor new rules; they hold when this returns.
    pub(crate) fn set_rules(&self, isp: Isp, rules: Vec<Rule>) -> Result<(), LabError> {
        let gone = || LabError::Gone("the fabric".to_owned());
        let (done, doing) = mpsc::channel();
        self.orders.send(Order::SetRules { isp, rules, done }).map_err(|_| gone())?;
        let mut wake = self.wake.as_ref().ok_or_else(gone)?;
        wake.write_all(&[0]).map_err(|_| gone())?;
        doing.recv().map_err(|_| gone())
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// A hop that is due at a time. The number keeps packets of the same time in order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    number: u64,
    hop: Hop,
    packet: Vec<u8>,
}

struct Carrier {
    network: Network,
    devices: Vec<SyncDevice>,
    inbox: mpsc::Receiver<Order>,
    woken: UnixStream,
    due: BinaryHeap<Reverse<Due>>,
    moved: u64,
}

/// What the thread woke up for.
struct Woken {
    orders: bool,
    ended: bool,
    readable: Vec<HostIndex>,
}

impl Carrier {
    fn run(mut self) {
        let mut buffer = vec![0; PACKET];
        // A poll that fails is a bug that no retry cures; the lab's services fall silent and its owner says so.
        while let Ok(woken) = self.wait() {
            if woken.ended {
                return;
            }
            if woken.orders {
                self.obey();
            }
            for host in woken.readable {
                self.take(host, &mut buffer);
            }
            self.act(Instant::now());
        }
    }

    fn wait(&self) -> Result<Woken, Errno> {
        let mut fds = vec![PollFd::new(self.woken.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.devices.iter().map(|device| PollFd::new(device.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, self.timeout()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let wake = fds[0].revents().unwrap_or(PollFlags::empty());
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| events.contains(PollFlags::POLLIN));
        Ok(Woken {
            orders: wake.contains(PollFlags::POLLIN),
            ended: wake.contains(PollFlags::POLLHUP),
            readable: (0..self.devices.len()).filter(|host| ready(&fds[host + 1])).collect(),
        })
    }

    /// Until the next hop, rounded up: poll counts whole milliseconds, and too early would only mean to wait again.
    fn timeout(&self) -> PollTimeout {
        let Some(Reverse(due)) = self.due.peek() else { return PollTimeout::NONE };
        let left = due.at.saturating_duration_since(Instant::now());
        PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
    }

    fn obey(&mut self) {
        let mut bytes = [0; 64];
        // It only wakes; how many bytes there are and whether they can be read says nothing.
        let _ = self.woken.read(&mut bytes);
        for Order::SetRules { isp, rules, done } in self.inbox.try_iter() {
            self.network.set_rules(isp, rules);
            // The one who asked may have given up.
            let _ = done.send(());
        }
    }

    fn take(&mut self, host: HostIndex, buffer: &mut [u8]) {
        loop {
            match self.devices[host].recv(buffer) {
                Ok(length) => {
                    let next = self.network.sent(host, buffer[..length].to_vec());
                    self.schedule(next, Instant::now());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nothing more to read, or the device is going away with the lab.
                Err(_) => return,
            }
        }
    }

    fn schedule(&mut self, moves: impl IntoIterator<Item = Moving>, now: Instant) {
        for Moving { after, hop, packet } in moves {
            self.moved += 1;
            self.due.push(Reverse(Due { at: now + after, number: self.moved, hop, packet }));
        }
    }

    fn act(&mut self, now: Instant) {
        while self.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(Due { at, hop, packet, .. })) = self.due.pop() else { return };
            match hop {
                Hop::Leaves(isp) => self.cross(isp, Direction::Outward, packet, at),
                Hop::Enters(isp) => self.cross(isp, Direction::Inward, packet, at),
                // A host that takes no packet (its queue is full, it is going away) loses it, as on any network.
                Hop::Arrives(host) => drop(self.devices[host].send(&packet)),
            }
        }
    }

    /// Counted from when the packet was due, not from when this thread came to it: under load the order must hold.
    fn cross(&mut self, isp: Isp, direction: Direction, packet: Vec<u8>, at: Instant) {
        let moves = self.network.at_border(isp, direction, packet, at);
        self.schedule(moves, at);
    }
}
