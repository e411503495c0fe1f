//! nginx with all the sites of a scene.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::authority::Authority;
use crate::{HttpMode, LabError, Site, SiteCertificate};

/// Writes the sites' pages, certificates and the configuration; returns what will be listened on.
pub(crate) fn prepare(folder: &Path, sites: &[Site], authority: &Authority) -> Result<BTreeSet<SocketAddr>, LabError> {
    let mut text = head(folder);
    let mut listens = BTreeSet::new();
    for site in sites {
        let root = folder.join("sites").join(site.name.as_str());
        fs::create_dir_all(&root).map_err(LabError::file(&root))?;
        fs::write(root.join("page.html"), site.page()).map_err(LabError::file(&root))?;
        if site.http != HttpMode::Off {
            text += &http_server(site, &root);
            listens.extend(site.addresses.iter().map(|ip| SocketAddr::new(*ip, 80)));
        }
        if site.https {
            text += &https_server(site, &root, authority)?;
            listens.extend(site.addresses.iter().map(|ip| SocketAddr::new(*ip, 443)));
        }
    }
    text += "}\n";
    let file = folder.join("nginx.conf");
    fs::write(&file, text).map_err(LabError::file(&file))?;
    Ok(listens)
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
         server_tokens off;\n  server_names_hash_bucket_size 256;\n{temporary}"
    )
}

fn http_server(site: &Site, root: &Path) -> String {
    let listen: String =
        site.addresses.iter().map(|ip| format!("    listen {};\n", SocketAddr::new(*ip, 80))).collect();
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
    };
    let http2 = if site.h2 { " http2" } else { "" };
    let listen = |ip: &IpAddr| format!("    listen {} ssl{http2};\n", SocketAddr::new(*ip, 443));
    let listen: String = site.addresses.iter().map(listen).collect();
    let keys = format!(
        "    ssl_certificate {};\n    ssl_certificate_key {};\n",
        files.certificate.display(),
        files.key.display()
    );
    Ok(server(site, &(listen + &keys), &page(site, root)))
}

fn server(site: &Site, listen: &str, content: &str) -> String {
    let name = &site.name;
    format!(
        "  server {{\n{listen}    server_name {name} *.{name};\n    default_type \"text/html; charset=utf-8\";\n{content}  }}\n"
    )
}

/// nginx sends a file with status 200; any other status goes by way of its own error pages.
fn page(site: &Site, root: &Path) -> String {
    let root = root.display();
    let status = site.status;
    if status == 200 {
        return format!("    root {root};\n    location / {{ try_files /page.html =404; }}\n");
    }
    format!(
        "    root {root};\n    error_page {status} /page.html;\n    location = /page.html {{ internal; }}\n    \
         location / {{ return {status}; }}\n"
    )
}
