//! Which service somebody else's target stands for.

use std::collections::{HashMap, HashSet};

use kedergi_wire::{ServiceId, TargetList, TargetUrl};

/// Services by what targets are called.
pub(super) struct Services<'a> {
    list: &'a TargetList,
    /// The service of each host that stands for one only.
    hosts: HashMap<&'a str, Option<&'a ServiceId>>,
    names: HashSet<&'a str>,
}

impl<'a> Services<'a> {
    pub(super) fn of(list: &'a TargetList) -> Self {
        let mut hosts = HashMap::<_, Option<_>>::new();
        for target in list.all() {
            let known = hosts.entry(target.url.host()).or_insert(Some(&target.service));
            *known = known.filter(|service| **service == target.service);
        }
        let names = list.all().iter().map(|target| target.service.as_str()).collect();
        Self { list, hosts, names }
    }

    pub(super) fn list(&self) -> &'a TargetList {
        self.list
    }

    /// The service of a target, which may be a URL, the name of a host or that of a service on the list: by the list where it
    /// knows the URL or the host (with or without `www.`), else the host's name is the service. `None` if it is none of these.
    pub(super) fn find(&self, target: &str) -> Option<ServiceId> {
        if self.names.contains(target) {
            return target.parse().ok();
        }
        let url: TargetUrl = target.parse().or_else(|_| format!("https://{target}").parse()).ok()?;
        if let Some(service) = self.list.service(&url) {
            return Some(service.clone());
        }
        let host = url.host().trim_end_matches('.');
        let bare = host.strip_prefix("www.").unwrap_or(host);
        let known =
            [host, bare, &format!("www.{bare}")].iter().find_map(|name| self.hosts.get(name).copied().flatten());
        known.cloned().or_else(|| host.parse().ok().filter(|_| host.contains('.')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_what_it_knows() {
        let list = crate::targets::load(None).unwrap();
        let services = Services::of(&list);
        let found = |target: &str| services.find(target).map(|service| service.to_string());
        for target in [
            "https://www.facebook.com/",
            "http://facebook.com/some/page",
            "www.facebook.com",
            "facebook.com",
            "facebook",
            "FACEBOOK.com:443",
        ] {
            assert_eq!(found(target).as_deref(), Some("facebook"), "{target}");
        }
        assert_eq!(found("tcp://149.154.175.50:443").as_deref(), Some("telegram"));
        assert_eq!(found("https://news.example/a?b#c").as_deref(), Some("news.example"));
        assert_eq!(found("192.0.2.7").as_deref(), Some("192.0.2.7"));
        for none in ["", "   ", "nothing", "https://", "ftp://a.example/", "https://[2001:db8::1]/", "a b.example"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
