//! nginx with all the sites of a scene.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::authority::{Authority, Certificate};
use crate::{HttpMode, Isp, LabError, Reception, Site, SiteCertificate};

/// Writes the sites' pages, certificates and the configuration; returns what will be listened on.
pub(crate) fn prepare(folder: &Path, sites: &[Site], authority: &Authority) -> Result<BTreeSet<SocketAddr>, LabError> {
    let mut text = head(folder);
    let mut listens = BTreeSet::new();
    for site in sites {
        let root = folder.join("sites").join(site.name.as_str());
        fs::create_dir_all(&root).map_err(LabError::file(&root))?;
        write_pages(site, &root).map_err(LabError::file(&root))?;
        if site.http != HttpMode::Off {
            text += &http_server(site, &root);
            listens.extend(site.served_at().map(|ip| SocketAddr::new(ip, 80)));
        }
        if site.https {
            text += &https_server(site, &root, authority)?;
            listens.extend(site.served_at().map(|ip| SocketAddr::new(ip, 443)));
        }
    }
    text += "}\n";
    let file = folder.join("nginx.conf");
    fs::write(&file, text).map_err(LabError::file(&file))?;
    Ok(listens)
}

/// A portal: whoever asks for whatever is sent to its log-in page.
pub(crate) fn portal(
    folder: &Path,
    name: &str,
    addresses: &[IpAddr],
    certificate: &Certificate,
) -> Result<BTreeSet<SocketAddr>, LabError> {
    let own = addresses.iter().filter(|address| address.is_ipv4() || crate::host::has_ipv6());
    let listens: BTreeSet<_> = own.flat_map(|ip| [80, 443].map(|port| SocketAddr::new(*ip, port))).collect();
    let secure = |listen: &SocketAddr| if listen.port() == 443 { " ssl" } else { "" };
    let lines: String = listens.iter().map(|listen| format!("    listen {listen}{};\n", secure(listen))).collect();
    let (chain, key) = (certificate.certificate.display(), certificate.key.display());
    let text = format!(
        "{}  server {{\n{lines}    ssl_certificate {chain};\n    ssl_certificate_key {key};\n    \
         location / {{ return 302 http://{name}/login; }}\n    location = /login {{ return 200 \"Log in, please\"; }}\n  }}\n}}\n",
        head(folder)
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).map_err(LabError::file(&file))?;
    Ok(listens)
}

/// Bytes that the control host has for whoever asks: enough to show a rate of a few hundred kbit/s.
const BYTES: usize = 65_536;

/// The control host: whatever name it is asked for, it answers under its own, and has [`BYTES`] for everybody.
pub(crate) fn helper(
    folder: &Path,
    addresses: &[IpAddr],
    certificate: &Certificate,
) -> Result<BTreeSet<SocketAddr>, LabError> {
    let listens: BTreeSet<_> =
        addresses.iter().flat_map(|ip| [80, 443].map(|port| SocketAddr::new(*ip, port))).collect();
    let secure = |listen: &SocketAddr| if listen.port() == 443 { " ssl http2" } else { "" };
    let lines: String = listens.iter().map(|listen| format!("    listen {listen}{};\n", secure(listen))).collect();
    let bytes = folder.join("bytes");
    fs::create_dir_all(&bytes).map_err(LabError::file(&bytes))?;
    let file = bytes.join(BYTES.to_string());
    fs::write(&file, incompressible(BYTES)).map_err(LabError::file(&file))?;
    let (chain, key, root) = (certificate.certificate.display(), certificate.key.display(), folder.display());
    let text = format!(
        "{}  server {{\n{lines}    ssl_certificate {chain};\n    ssl_certificate_key {key};\n    root {root};\n    \
         location / {{ return 200 \"control host\\n\"; }}\n    location /bytes/ {{ try_files $uri =404; }}\n  }}\n}}\n",
        head(folder)
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).map_err(LabError::file(&file))?;
    Ok(listens)
}

/// Bytes in which nothing repeats (xorshift, Marsaglia 2003), so that nothing on the way can make them fewer.
fn incompressible(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(count).collect()
}

fn write_pages(site: &Site, root: &Path) -> io::Result<()> {
    fs::write(root.join("page.html"), site.page())?;
    site.to.iter().try_for_each(|(isp, reception)| fs::write(root.join(format!("to-{isp}.html")), &reception.body))
}

/// Whose customer a reader is, as nginx's variable `$isp`.
fn readers() -> String {
    let networks = Isp::ALL.map(|isp| isp.networks().map(|network| format!(" {network} {isp};")).concat());
    format!("  geo $isp {{ default none;{} }}\n", networks.concat())
}

/// One process in the foreground: nothing of it is left when it is killed. It stays the root it is, for in a user namespace
/// there may be nobody else.
fn head(folder: &Path) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "user root;\ndaemon off;\nmaster_process off;\nworker_processes 1;\npid {folder}/nginx.pid;\n\
         error_log {folder}/nginx.log notice;\nevents {{ worker_connections 1024; }}\nhttp {{\n  access_log off;\n  \
         server_tokens off;\n  server_names_hash_bucket_size 256;\n{temporary}{}",
        readers()
    )
}

/// Said in every answer, whatever its status.
const OFFERS_H3: &str = "    add_header Alt-Svc 'h3=\":443\"; ma=86400' always;\n";

fn http_server(site: &Site, root: &Path) -> String {
    let listen: String = site.served_at().map(|ip| format!("    listen {};\n", SocketAddr::new(ip, 80))).collect();
    let content = match site.http {
        HttpMode::Redirect => "    location / { return 301 https://$host$request_uri; }\n".to_owned(),
        HttpMode::Page | HttpMode::Off => page(site, root),
    };
    server(site, &listen, &content)
}

fn https_server(site: &Site, root: &Path, authority: &Authority) -> Result<String, LabError> {
    let name = site.name.as_str();
    let files = match site.certificate {
        SiteCertificate::Trusted => authority.certify(name, &[&format!("*.{name}")])?,
        SiteCertificate::SelfSigned => authority.self_signed(name)?,
        SiteCertificate::WrongName => authority.certify(&format!("not-{name}"), &[])?,
        SiteCertificate::Expired => authority.expired(name)?,
    };
    let http2 = if site.h2 { " http2" } else { "" };
    let listen = |ip: IpAddr| format!("    listen {} ssl{http2};\n", SocketAddr::new(ip, 443));
    let listen: String = site.served_at().map(listen).collect();
    let versions = if site.tls12 { "TLSv1.2" } else { "TLSv1.2 TLSv1.3" };
    let keys = format!(
        "    ssl_protocols {versions};\n    ssl_certificate {};\n    ssl_certificate_key {};\n",
        files.certificate.display(),
        files.key.display()
    );
    let h3 = if site.h3 { OFFERS_H3 } else { "" };
    Ok(server(site, &(listen + &keys + h3), &page(site, root)))
}

fn server(site: &Site, listen: &str, content: &str) -> String {
    let name = &site.name;
    format!(
        "  server {{\n{listen}    server_name {name} *.{name};\n    default_type \"text/html; charset=utf-8\";\n{content}  }}\n"
    )
}

/// What stands at every path, and what the customers of some ISPs get in its place.
fn page(site: &Site, root: &Path) -> String {
    let receptions = site.to.iter();
    let own: String = receptions.clone().map(|(isp, reception)| reception_location(*isp, reception)).collect();
    let turns: String =
        receptions.map(|(isp, _)| format!(" if ($isp = {isp}) {{ rewrite ^ /to-{isp} last; }}")).collect();
    let answer = match &site.location {
        Some(location) => format!("return {} {location};", site.status),
        None => answer(site.status, "page"),
    };
    let root = root.display();
    let pace = site.bytes_per_s.map(|bytes| format!("    limit_rate {bytes};\n")).unwrap_or_default();
    let wait = site.waits_s.map(waiting).unwrap_or_default();
    let place = if wait.is_empty() { "/" } else { WAITED };
    format!(
        "    root {root};\n{pace}{wait}    location = /page.html {{ internal; }}\n{own}    location {place} {{{turns} {answer} }}\n"
    )
}

/// Where nginx goes on after a wait.
const WAITED: &str = "@waited";

/// nginx has one way to make a reader wait: it does so before it refuses one who gave no password, lest they be tried out. The
/// refusal is then not sent; the page is.
fn waiting(seconds: u8) -> String {
    format!(
        "    auth_delay {seconds}s;\n    location / {{ auth_basic slow; auth_basic_user_file /dev/null; error_page 401 = {WAITED}; }}\n"
    )
}

fn reception_location(isp: Isp, reception: &Reception) -> String {
    let answer = match &reception.location {
        Some(location) => format!("return {} {location};", reception.status),
        None => answer(reception.status, &format!("to-{isp}")),
    };
    format!("    location = /to-{isp} {{ internal; {answer} }}\n    location = /to-{isp}.html {{ internal; }}\n")
}

/// nginx sends a file with status 200; any other status goes by way of its own error pages.
fn answer(status: u16, file: &str) -> String {
    match status {
        200 => return format!("try_files /{file}.html =404;"),
        // No answer at all: the connection is ended.
        444 => return "return 444;".to_owned(),
        _ => {}
    }
    format!("error_page {status} /{file}.html; return {status};")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scene;

    #[test]
    fn some_readers_get_another_page() {
        let text = r#"
            title = "A site that shuts out one ISP"
            [[sites]]
            name = "news.example"
            addresses = ["45.80.10.10"]
            to.isp-a = { status = 451, body = "no" }
            [[targets]]
            url = "https://news.example/"
            expect = { isp-a = "reachable", isp-b = "reachable" }
        "#;
        let content = page(&Scene::parse(text).unwrap().sites[0], Path::new("/lab"));
        assert!(content.contains("location = /to-isp-a { internal; error_page 451 /to-isp-a.html; return 451; }"));
        assert!(content.contains("location / { if ($isp = isp-a) { rewrite ^ /to-isp-a last; } try_files /page.html"));
        assert!(readers().contains(" 10.1.0.0/16 isp-a;") && readers().contains(" 2a0e:97c0:2::/48 isp-b;"));
    }

    #[test]
    fn a_site_can_send_its_readers_on() {
        let text = r#"
            title = "A site that moved"
            [[sites]]
            name = "news.example"
            addresses = ["45.80.10.10"]
            status = 303
            location = "https://www.news.example/"
            [[targets]]
            url = "https://news.example/"
            expect = { isp-a = "reachable", isp-b = "reachable" }
        "#;
        let content = page(&Scene::parse(text).unwrap().sites[0], Path::new("/lab"));
        assert!(content.contains("location / { return 303 https://www.news.example/; }"), "{content}");
    }
}
