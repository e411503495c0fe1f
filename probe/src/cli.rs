//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use url::Url;

const AFTER: &str = "\
Exit codes:
  0   done (measure: whatever the verdict)
  1   something failed while running
  2   wrong arguments, or a URL that cannot be measured
  3   a configuration or control file that is missing or wrong
  4   the volunteer has not agreed yet (see enroll)
  75  no collector could be reached; trying later may help

Results go to standard output, logs to standard error. KEDERGI_LOG sets what is logged (error, warn, info, debug).";

/// Arguments of `kedergi-probe`.
#[derive(Debug, Parser)]
#[command(name = "kedergi-probe", version, max_term_width = 100, after_long_help = AFTER)]
#[command(about = "Measures whether sites can be reached from here, and how they are kept from being reached")]
#[command(long_about = "\
Measures whether social networks, messengers, news and other sites can be reached from here, and if not, on which layer \
and in which manner they are kept from being reached.

`measure` needs nothing but a URL. To take part as a volunteer: `enroll` once with an invitation, then leave `run` running.")]
pub struct Cli {
    /// The configuration (TOML)
    ///
    /// Without it: kedergi/probe.toml in $XDG_CONFIG_HOME or ~/.config, then /etc/kedergi/probe.toml, then the built-in
    /// defaults. An unknown key is an error.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure URLs now and say what was seen
    ///
    /// Asks the system's resolver, public resolvers and resolvers over HTTPS for the name, connects to the addresses, shakes hands
    /// with the target's name and fetches the page. Then judges: reachable, blocked, throttled, down or
    /// inconclusive. Nothing is sent to any collector.
    ///
    /// Your provider and the resolvers see that you look up and open these sites, as if you had opened them in a browser.
    #[command(after_long_help = "\
Examples:
  kedergi-probe measure https://www.facebook.com https://t.me
  kedergi-probe measure --json https://www.youtube.com
  kedergi-probe measure --as-control https://t.me > control.json    (where nothing is censored)
  kedergi-probe measure --control control.json https://t.me         (where something may be)")]
    Measure(MeasureArgs),
    /// Find the router at which a site's name is interfered with
    ///
    /// Connects to the site some dozens of times and sends the beginning of a conversation so that it comes only so far: to the first
    /// router, to the second, and so on; once with the site's name and once with one that nobody minds. Where the two
    /// get different replies, somebody interferes. No rights are needed, and nothing is sent to any collector.
    ///
    /// Your provider sees the site's name again and again, more than an ordinary visit shows.
    #[command(after_long_help = "\
Examples:
  kedergi-probe locate https://www.facebook.com
  kedergi-probe locate --json --networks asn.mmdb https://t.me")]
    Locate(LocateArgs),
    /// Make this machine a volunteer's probe
    ///
    /// Shows what will be measured, what others may see of it and what the risk is, and asks whether you agree. Then makes a key
    /// and registers it with the collector. Nothing is measured before you agreed.
    Enroll(EnrollArgs),
    /// Measure the collector's targets again and again, and deliver what was seen
    ///
    /// Runs until it is told to stop (Ctrl-C, or SIGTERM from a service). Reports wait on disk until a collector
    /// confirmed them; without a collector in reach it goes on measuring what it last heard of.
    Run,
    /// Say how this probe is doing: its key, its reports that wait, its last contact
    Status(StatusArgs),
    /// Read the configuration, say what is wrong or unwise with it, and do nothing else
    CheckConfig,
}

/// Arguments of `measure`.
#[derive(Debug, Args)]
pub struct MeasureArgs {
    /// What to measure: http and https URLs, and tcp://ADDRESS:PORT, which is only connected to
    #[arg(required_unless_present = "list", value_name = "URL")]
    pub urls: Vec<String>,
    /// Measure a target list (TOML), and say what that means for its services
    ///
    /// A service of several endpoints has a line of its own behind the targets; with --json, an object with the keys service,
    /// outcome, how, why, evidence. The format is the collector's, documented in its manual.
    #[arg(long, value_name = "FILE", conflicts_with = "ooni")]
    pub list: Option<PathBuf>,
    /// Print one JSON object per target and line, with everything that was seen
    ///
    /// Keys: target, outcome, how, why, rule, evidence, report. `how` is {"layer", "manner"} where something is blocked,
    /// `why` a word where there is no verdict; else they are null.
    #[arg(long, conflicts_with = "as_control")]
    pub json: bool,
    /// Print one measurement in OONI's format per target and line
    ///
    /// Data format 0.2.0, test web_connectivity. It carries no address of this machine and none of its resolver, network and
    /// country only if the configuration tells them. Nothing is sent to OONI.
    #[arg(long, conflicts_with_all = ["json", "as_control"])]
    pub ooni: bool,
    /// Judge against what a probe elsewhere saw: a file made by --as-control
    ///
    /// Without it, a target that does not answer cannot be told from one that is out of order for everybody.
    #[arg(long, value_name = "FILE", conflicts_with = "as_control")]
    pub control: Option<PathBuf>,
    /// Compare how fast every target's bytes come with how fast a control host's do
    ///
    /// Without it only targets that seem slow are compared. It takes up to 2 MB a target, and does nothing where the
    /// configuration names no control host.
    #[arg(long)]
    pub pairs: bool,
    /// Print a control snapshot (JSON) instead of verdicts, for use with --control
    #[arg(long)]
    pub as_control: bool,
}

/// Arguments of `locate`.
#[derive(Debug, Args)]
pub struct LocateArgs {
    /// What to locate the interference with: an http or https URL with a name
    #[arg(value_name = "URL")]
    pub url: String,
    /// Take an address of IPv6, where IPv4 is taken else
    #[arg(long)]
    pub ipv6: bool,
    /// Print one JSON object
    ///
    /// Keys: target, address, innocent, finding, after, hop, reply, places, steps, says.
    #[arg(long)]
    pub json: bool,
    /// Say whose networks the routers stand in, by a database (MMDB) that maps addresses to AS numbers
    #[arg(long, value_name = "FILE")]
    pub networks: Option<PathBuf>,
}

/// Arguments of `enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// The collector to register with
    #[arg(long, value_name = "URL")]
    pub collector: Url,
    /// The invitation you were given
    #[arg(long, value_name = "CODE")]
    pub invite: String,
    /// Agree without being asked, for machines that are set up by a script
    ///
    /// Whoever sets it must have read the text that enroll shows, and speaks for the person whose line is used.
    #[arg(long)]
    pub accept_risk: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Name the targets, each with its last verdict
    ///
    /// Without it only counts are shown, so that a status can be shown to others.
    #[arg(long)]
    pub targets: bool,
}

impl Cli {
    /// The arguments of this process. If there is nothing to do with them, what there was to say is said, and the code
    /// to exit with is returned.
    pub fn from_arguments() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            if error.use_stderr() {
                eprintln!("{}", one_line(&error));
                return ExitCode::from(2);
            }
            // Help and version: a reader that went away is no failure.
            let _ = error.print();
            ExitCode::SUCCESS
        })
    }
}

/// An error of the command line as one line: clap's own spreads over several.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let said = text.split("\n\nUsage:").next().unwrap_or_default();
    let said = said.split("\n\nFor more information").next().unwrap_or_default();
    let words = said.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    format!("{} (see kedergi-probe --help)", words.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_help_page() {
        let mut command = Cli::command().term_width(100);
        command.build();
        insta::assert_snapshot!("help", command.render_long_help());
        for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            let name = format!("help-{}", sub.get_name());
            insta::assert_snapshot!(name, sub.render_long_help());
        }
    }

    #[test]
    fn errors_take_one_line() {
        let error = |args: &[&str]| one_line(&Cli::try_parse_from([&["kedergi-probe"], args].concat()).unwrap_err());
        assert_eq!(
            error(&["measure"]),
            "error: the following required arguments were not provided: <URL>... (see kedergi-probe --help)"
        );
        assert!(error(&["measure", "--jsn", "https://a.example"]).contains("'--json'"));
        for two in [["--json", "--as-control"], ["--ooni", "--json"], ["--as-control", "--ooni"]] {
            assert!(
                error(&["measure", two[0], two[1], "https://a.example"]).contains("cannot be used with"),
                "{two:?}"
            );
        }
    }
}
