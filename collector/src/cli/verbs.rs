use std::future::Future;
use std::io;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use kedergi_store::NewInvite;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Cli, Command, InviteArgs, RevokeArgs, ServeArgs};
use crate::app::open_ledger;
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::{invite_code, invite_hash};
use crate::serve::Server;
use crate::{events_cli, import, replay};

/// Does what the command line says.
pub(super) fn run(cli: Cli) -> Result<ExitCode> {
    let mut config = Config::load(cli.config.as_deref())?;
    if let Some(data_dir) = cli.data_dir {
        config.data_dir = data_dir;
    }
    match cli.command {
        Command::Serve(args) => serve(config, &args).map(done),
        Command::Invite(args) => invite(&config, &args).map(done),
        Command::Revoke(args) => revoke(&config, &args).map(done),
        Command::Events(args) => events_cli::run(&config, &args).map(done),
        Command::Replay(args) => runtime()?.block_on(replay::run(&args)),
        Command::Import(args) => import::run(&config, args),
        Command::CheckConfig => {
            check_config(&config, cli.config.is_some());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

fn serve(mut config: Config, args: &ServeArgs) -> Result<()> {
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    for warning in config.check() {
        tracing::warn!("{warning}");
    }
    runtime()?.block_on(async {
        let stop = told_to_stop()?;
        let server = Server::bind(config, Clock::Machine).await?;
        println!("kedergi-collector listens on {}", server.url());
        Ok(server.run(stop).await?)
    })
}

/// Returns when the process is told to end. Listening for the signals begins at once.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

fn invite(config: &Config, args: &InviteArgs) -> Result<()> {
    let code = invite_code()?;
    let expires = args.expires.map(|expires| Timestamp::now().checked_add(expires)).transpose()?;
    let mut ledger = open_ledger(&config.data_dir)?;
    let (code_hash, role) = (invite_hash(&code), args.role.into());
    ledger.add_invite(NewInvite { code_hash, role, uses: args.uses, expires, vouched: args.vouched })?;
    println!("{code}");
    Ok(())
}

fn revoke(config: &Config, args: &RevokeArgs) -> Result<()> {
    if !open_ledger(&config.data_dir)?.revoke(args.probe)? {
        bail!("no probe {} is enrolled here; is --data-dir (or --config) the collector's?", args.probe);
    }
    Ok(())
}

fn check_config(config: &Config, named: bool) {
    for warning in config.check() {
        println!("warning: {warning}");
    }
    println!("{}", if named { "the configuration can be used" } else { "no --config: the built-in defaults hold" });
}
