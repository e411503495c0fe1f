//! `kedergi-lab`: plays scenes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kedergi_lab::{Check, Scene, enter, play_rounds, remove_folders};
use nix::sys::signal::{SigSet, Signal};

/// An internet with a censor in it, on this machine.
#[derive(Parser)]
#[command(name = "kedergi-lab", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the lab of a scene, measures with the real probe, and compares with what the scene expects.
    ///
    /// Exits with 0 if all is as expected, 1 if not, 2 for wrong arguments, 3 for a scene that is missing or wrong, 4 if
    /// the lab or a probe failed.
    Play {
        /// The scene, a TOML file.
        file: PathBuf,
        /// Folder with the kedergi-probe to use.
        #[arg(long, value_name = "DIR")]
        bin_dir: PathBuf,
        /// How often every probe measures all targets.
        #[arg(long, default_value_t = 1)]
        rounds: u16,
        /// Print one JSON object per vantage and target.
        #[arg(long)]
        json: bool,
    },
    /// Reads a scene and says whether it is sound. Exits with 3 if it is not.
    Check {
        /// The scene, a TOML file.
        file: PathBuf,
    },
}

const DIFFERENT: u8 = 1;
const USAGE: u8 = 2;
const BAD_SCENE: u8 = 3;
const LAB_FAILED: u8 = 4;

/// Why the program ends early: exit code and message.
struct Failure(u8, String);

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Play { file, bin_dir, rounds, json } => play_file(&file, &bin_dir, rounds, json),
        Task::Check { file } => load(&file).map(|scene| {
            println!("{}", scene.title);
            ExitCode::SUCCESS
        }),
    };
    done.unwrap_or_else(|Failure(code, message)| {
        eprintln!("kedergi-lab: {message}");
        ExitCode::from(code)
    })
}

fn load(file: &Path) -> Result<Scene, Failure> {
    Scene::load(file).map_err(|error| Failure(BAD_SCENE, format!("{}: {error}", file.display())))
}

fn play_file(file: &Path, bin_dir: &Path, rounds: u16, json: bool) -> Result<ExitCode, Failure> {
    let scene = load(file)?;
    // The lab starts it from elsewhere, so a relative path would not do.
    let bin_dir = bin_dir.canonicalize().unwrap_or_else(|_| bin_dir.to_owned());
    if !bin_dir.join("kedergi-probe").is_file() {
        return Err(Failure(USAGE, format!("{} has no kedergi-probe; build it first", bin_dir.display())));
    }
    enter().map_err(|reason| Failure(LAB_FAILED, reason))?;
    clean_up_when_stopped();
    eprintln!("{}", scene.title);
    let checks = play_rounds(&scene, &bin_dir, rounds, |step| eprintln!("  {step}"));
    let checks = checks.map_err(|error| Failure(LAB_FAILED, error.to_string()))?;
    print!("{}", if json { lines(&checks) } else { table(&checks) });
    let met = checks.iter().all(|check| check.met);
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// Waits for the signals that end a program, and ends it without leaving anything behind. Before other threads exist, or
/// they would get the signals.
fn clean_up_when_stopped() {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    if signals.thread_block().is_err() {
        return;
    }
    std::thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            remove_folders();
            std::process::exit(128 + signal as i32);
        }
    });
}

fn lines(checks: &[Check]) -> String {
    // A check is made of texts and flags; nothing in it can fail to be written as JSON.
    checks
        .iter()
        .filter_map(|check| serde_json::to_string(check).ok())
        .fold(String::new(), |text, line| text + &line + "\n")
}

fn table(checks: &[Check]) -> String {
    let rows: Vec<[String; 5]> = checks.iter().map(row).collect();
    let head = ["", "VANTAGE", "TARGET", "EXPECTED", "SEEN"].map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = aligned(&head, &widths);
    for (row, check) in rows.iter().zip(checks) {
        text += &aligned(row, &widths);
        if !check.met {
            text.extend(check.evidence.iter().map(|says| format!("        {says}\n")));
        }
    }
    text
}

fn row(check: &Check) -> [String; 5] {
    let mark = if check.met { "ok" } else { "DIFFERENT" };
    [mark.to_owned(), check.vantage.clone(), check.target.clone(), check.expected.to_string(), check.seen.clone()]
}

fn aligned(cells: &[String; 5], widths: &[usize; 5]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        // Writing to a String cannot fail.
        let _ = write!(line, "{cell:width$}  ");
    }
    format!("{}\n", line.trim_end())
}
