//! Writes sample pages into a folder, to be looked at: `cargo run -p kedergi-dashboards --example gallery -- DIR`.

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use kedergi_dashboards as pages;

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("say where to: gallery DIR"));
    };
    fs::create_dir_all(folder.join("country"))?;
    fs::create_dir_all(folder.join("event"))?;
    let write = |name: &str, page: String| fs::write(folder.join(name), page);
    write("index.html", pages::now(&sample::now_during()))?;
    write("now-empty.html", pages::now(&sample::now_empty()))?;
    write("now-quiet.html", pages::now(&sample::now_quiet()))?;
    write("methodology", pages::methodology())?;
    write("style.css", pages::STYLE.to_owned())?;
    write("country/KZ", pages::country(&sample::country_day()))?;
    write("country/VE", pages::country(&sample::country_empty()))?;
    write("event/KZ-20190509-7f3a", pages::event(&sample::event_open()))?;
    write("event/KZ-20190509-closed", pages::event(&sample::event_closed()))?;
    write("event/KZ-20190509-51d0", pages::event(&sample::event_shutdown()))?;
    write("event/KZ-20190509-9a44", pages::event(&sample::event_throttled()))?;
    write("event/KZ-20190509-c0de", pages::event(&sample::event_fault()))?;
    write("missing", pages::not_found("/missing"))?;
    write("error", pages::error("/error", 503))?;
    with_endings(&folder)
}

/// Browsers that open a file tell its type by the ending.
fn with_endings(folder: &Path) -> io::Result<()> {
    for name in [
        "methodology",
        "country/KZ",
        "country/VE",
        "event/KZ-20190509-7f3a",
        "event/KZ-20190509-closed",
        "event/KZ-20190509-51d0",
        "event/KZ-20190509-9a44",
        "event/KZ-20190509-c0de",
        "missing",
        "error",
    ] {
        fs::copy(folder.join(name), folder.join(format!("{name}.html")))?;
    }
    Ok(())
}
