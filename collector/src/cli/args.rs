use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Span, SpanRelativeTo};
use kedergi_wire::{CountryCode, ProbeId, Role};
use url::Url;

const AFTER: &str = "\
Exit codes:
  0  done
  1  something failed while running (replay: other events than expected)
  2  wrong arguments
  3  a configuration, a file it names, a scenario or a file to import that is missing or wrong

Results go to standard output, logs to standard error. KEDERGI_LOG sets what is logged (error, warn, info, debug).";

const OONI: &str = "\
Example:
  kedergi-collector import ooni 2024-03-*.jsonl.gz
  kedergi-probe measure --ooni https://www.wikipedia.org/ > mine.jsonl; kedergi-collector import ooni mine.jsonl --json";
const SCORES: &str = "\
Example:
  $ head -2 scores.csv
  time,country,network,target,resolver_network,dns_blocked,dns_down,dns_ok,tcp_blocked,tcp_down,tcp_ok,tls_blocked,tls_down,tls_ok
  2024-03-01T12:04:31Z,KZ,AS64500,https://news.example/,AS64501,0,0,1,0,0.1,0.9,0.8,0.1,0.1
  $ kedergi-collector import scores scores.csv --json";

/// Arguments of `kedergi-collector`.
#[derive(Debug, Parser)]
#[command(name = "kedergi-collector", version, max_term_width = 100, after_long_help = AFTER)]
#[command(about = "Takes probes' reports, turns them into outage events, shows those and sends alerts")]
#[command(long_about = "\
Takes the signed reports of probes, judges and keeps them, turns them into outage events, shows those on pages that need no \
JavaScript and in an API, and sends alerts.

`serve` needs no configuration. Then `invite --role control` for a probe where nothing is censored, and `invite` for each \
volunteer.")]
pub(super) struct Cli {
    /// The configuration (TOML)
    ///
    /// Without it the built-in defaults hold; no other place is looked in. An unknown key is an error.
    #[arg(long, global = true, value_name = "FILE", display_order = 100)]
    pub(super) config: Option<PathBuf>,
    /// Where the collector keeps everything it knows
    ///
    /// Goes before the configuration's data_dir. Default: $STATE_DIRECTORY, else kedergi-collector in $XDG_STATE_HOME
    /// or ~/.local/state.
    #[arg(long, global = true, value_name = "DIR", display_order = 101)]
    pub(super) data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Take reports, show pages, send alerts, until told to stop
    ///
    /// Says on standard output where it listens once it does. SIGTERM and SIGINT end it after the requests under way.
    ///
    /// Without a certificate in the configuration it speaks plain HTTP, for a TLS proxy in front of it. Whoever the
    /// configuration names in trusted_proxies is believed about where a connection came from.
    Serve(ServeArgs),
    /// Make an invitation and print its code
    ///
    /// The code is printed once and not kept. Give it to the volunteer, who runs: kedergi-probe enroll --invite CODE.
    /// The collector need not be stopped.
    Invite(InviteArgs),
    /// Take nothing more from a probe
    ///
    /// What it sent before stays. No invitation lets it back in. The collector need not be stopped.
    Revoke(RevokeArgs),
    /// List the events, newest first
    Events(EventsArgs),
    /// Play a recorded history through the intake and compare the events with those expected
    ///
    /// Simulated probes on several networks enroll, measure, sign and send as real ones do, with the event times of the
    /// history, as fast as the collector takes it. Without --collector a collector of its own is started in a temporary
    /// folder and removed at the end.
    #[command(after_long_help = "\
Examples:
  kedergi-collector replay kz-2019-05-09
  kedergi-collector replay my-history.toml --json --exit-on-mismatch")]
    Replay(ReplayArgs),
    /// Find events in what others measured
    ///
    /// Reads files of measurements, runs the detector over them by the time of measurement, and prints the events. Nothing is
    /// kept, and a running collector has no part in it. Lines may stand in any order; those that cannot be used are counted by
    /// reason on standard error, with the numbers of the first ones. Targets are filed under services as the target list
    /// (--config, else the bundled one) has them; of others the host's name is the service.
    Import(ImportArgs),
    /// Read the configuration and say what is wrong or unwise
    CheckConfig,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address and port to listen on; port 0 lets the system choose [default: 127.0.0.1:7080]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// What whoever uses it is trusted with
    #[arg(long, value_enum, default_value_t = RoleArg::Probe)]
    pub(super) role: RoleArg,
    /// How many probes may use it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) uses: u32,
    /// After how long it is worth nothing, such as 12h, 7d or 2w [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) expires: Option<SignedDuration>,
    /// You know those who will use it
    ///
    /// Probes in their first week are believed little if many enrolled on the same day: anybody can make a hundred. Those who
    /// enroll with this invitation count at once as others do after a week. Never publish such a code.
    #[arg(long)]
    pub(super) vouched: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleArg {
    /// A volunteer's probe: its reports are judged
    Probe,
    /// A probe where nothing is censored: its reports are what others are judged against
    Control,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Probe => Self::Probe,
            RoleArg::Control => Self::Control,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The probe, 64 hexadecimal digits, as its `kedergi-probe status` shows it
    pub(super) probe: ProbeId,
}

/// Arguments of `events`.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// One JSON object a line, as the API shows it
    #[arg(long)]
    pub(crate) json: bool,
    /// Only of this country (two capital letters)
    #[arg(long, value_name = "CC")]
    pub(crate) country: Option<CountryCode>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u32,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// A bundled scenario, such as kz-2019-05-09, or a file
    pub(crate) scenario: String,
    /// Feed this collector instead of one of its own
    ///
    /// It goes by its own time, so a history with shutdowns is refused.
    #[arg(long, value_name = "URL", requires = "invite", requires = "control_invite")]
    pub(crate) collector: Option<Url>,
    /// An invitation with as many uses as the scenario has probes, made with --vouched: strangers who all enroll today count
    /// as three on each network
    #[arg(long, value_name = "CODE", requires = "collector")]
    pub(crate) invite: Option<String>,
    /// An invitation for the scenario's controls
    #[arg(long, value_name = "CODE", requires = "collector")]
    pub(crate) control_invite: Option<String>,
    /// Straight into a detector: the same rules and events, without enrolment, HTTP and a store
    #[arg(long, conflicts_with = "collector")]
    pub(crate) direct: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit 1 where the events are not those expected
    #[arg(long)]
    pub(crate) exit_on_mismatch: bool,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    pub(crate) source: ImportSource,
    /// One JSON object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print what was never more than suspected too
    #[arg(long, global = true)]
    pub(crate) suspected: bool,
}

/// Whose measurements.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportSource {
    /// Measurements in OONI's data format
    ///
    /// Each file holds JSON: one measurement a line, one over many lines, or a list; plain or packed with gzip. Tests that are
    /// read: web_connectivity (0.4 and 0.5), telegram, whatsapp, signal and facebook_messenger. They are judged by our rules from
    /// what was observed, whatever they conclude themselves: a site against what their test helper saw, a messenger's endpoints
    /// against what other networks of the same files saw. A measurement names no probe, so agreement must come from hours,
    /// resolvers and networks.
    #[command(after_long_help = OONI)]
    Ooni(ImportOoniArgs),
    /// Measurements that were scored layer by layer (CSV)
    ///
    /// One row a measurement. The first line names the columns, in any order: time (RFC 3339), country (two letters),
    /// network (AS64500 or 64500), target (URL or host), and dns_blocked, dns_down, dns_ok, tcp_blocked, tcp_down, tcp_ok,
    /// tls_blocked, tls_down, tls_ok: how much speaks for each, from 0 to 1. Three 0 mean that the layer was not judged.
    /// Optional: probe (any name; without one agreement must come from hours, resolvers and networks) and
    /// resolver_network. Others are not used. The file may be packed with gzip.
    #[command(after_long_help = SCORES)]
    Scores(ImportScoresArgs),
}

/// Arguments of `import ooni`.
#[derive(Debug, Args)]
pub(crate) struct ImportOoniArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Arguments of `import scores`.
#[derive(Debug, Args)]
pub(crate) struct ImportScoresArgs {
    /// The file
    pub(crate) file: PathBuf,
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let example = |error: jiff::Error| format!("{error}; write for example 12h, 7d or 2w");
    let span: Span = text.parse().map_err(example)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(example)?;
    if duration.is_positive() { Ok(duration) } else { Err("it must lie in the future".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn help_is_as_reviewed() {
        let mut command = Cli::command();
        command.build();
        insta::assert_snapshot!("help", command.render_long_help());
        for verb in command.get_subcommands_mut().filter(|verb| verb.get_name() != "help") {
            insta::assert_snapshot!(format!("help-{}", verb.get_name()), verb.render_long_help());
            let name = verb.get_name().to_owned();
            for part in verb.get_subcommands_mut().filter(|part| part.get_name() != "help") {
                insta::assert_snapshot!(format!("help-{name}-{}", part.get_name()), part.render_long_help());
            }
        }
    }

    #[test]
    fn a_duration_is_what_people_write() {
        assert_eq!(duration("7d"), Ok(SignedDuration::from_hours(7 * 24)));
        assert_eq!(duration("2w"), Ok(SignedDuration::from_hours(14 * 24)));
        assert!(duration("soon").is_err() && duration("-1h").is_err() && duration("1 month").is_err());
    }
}
