//! What people call services, networks and countries. Unknown ones keep their id.

use kedergi_wire::{Asn, CountryCode, ServiceId};

const SERVICES: &[(&str, &str)] = &[
    ("amnesty", "Amnesty International"),
    ("azattyq", "Azattyq (RFE/RL)"),
    ("azh", "Ak Zhaiyk"),
    ("bbc", "BBC"),
    ("bureau", "Kazakhstan Bureau for Human Rights"),
    ("change", "Change.org"),
    ("current-time", "Current Time"),
    ("discord", "Discord"),
    ("dw", "Deutsche Welle"),
    ("egov", "eGov.kz"),
    ("eurasianet", "Eurasianet"),
    ("exclusive", "Exclusive.kz"),
    ("facebook", "Facebook"),
    ("fergana", "Fergana"),
    ("github", "GitHub"),
    ("gmail", "Gmail"),
    ("google", "Google"),
    ("google-play", "Google Play"),
    ("holanews", "HOLA News"),
    ("hrw", "Human Rights Watch"),
    ("instagram", "Instagram"),
    ("kaspi", "Kaspi"),
    ("kaztag", "KazTAG"),
    ("kloop", "Kloop"),
    ("lantern", "Lantern"),
    ("linkedin", "LinkedIn"),
    ("meduza", "Meduza"),
    ("messenger", "Messenger"),
    ("odnoklassniki", "Odnoklassniki"),
    ("periscope", "Periscope"),
    ("play", "Google Play"),
    ("proton", "Proton VPN"),
    ("psiphon", "Psiphon"),
    ("reddit", "Reddit"),
    ("rsf", "Reporters Without Borders"),
    ("signal", "Signal"),
    ("signal-web", "Signal (web site)"),
    ("soundcloud", "SoundCloud"),
    ("telegram", "Telegram"),
    ("telegram-web", "Telegram (web)"),
    ("tiktok", "TikTok"),
    ("tor", "Tor Project"),
    ("twitch", "Twitch"),
    ("twitter", "Twitter"),
    ("uralskweek", "Uralskaya Nedelya"),
    ("viber", "Viber"),
    ("vimeo", "Vimeo"),
    ("vk", "VK"),
    ("vlast", "Vlast.kz"),
    ("whatsapp", "WhatsApp"),
    ("whatsapp-web", "WhatsApp (web)"),
    ("wikipedia", "Wikipedia"),
    ("youtube", "YouTube"),
];

const NETWORKS: &[(u32, &str)] = &[
    (9198, "Kazakhtelecom"),
    (21299, "Beeline/Kar-Tel"),
    (206_026, "Beeline/Kar-Tel"),
    (29355, "Kcell"),
    (29555, "Tele2/Altel"),
    (39824, "AlmaTV"),
    (41798, "Transtelecom"),
    (48503, "Tele2/Altel"),
    (64501, "Lab ISP A"),
    (64502, "Lab ISP B"),
];

const COUNTRIES: &[(&str, &str)] = &[
    ("AM", "Armenia"),
    ("AZ", "Azerbaijan"),
    ("BD", "Bangladesh"),
    ("BR", "Brazil"),
    ("BY", "Belarus"),
    ("CA", "Canada"),
    ("CN", "China"),
    ("CU", "Cuba"),
    ("DE", "Germany"),
    ("EG", "Egypt"),
    ("ET", "Ethiopia"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("GB", "the United Kingdom"),
    ("GE", "Georgia"),
    ("HK", "Hong Kong"),
    ("ID", "Indonesia"),
    ("IN", "India"),
    ("IQ", "Iraq"),
    ("IR", "Iran"),
    ("KG", "Kyrgyzstan"),
    ("KZ", "Kazakhstan"),
    ("MD", "Moldova"),
    ("MM", "Myanmar"),
    ("MN", "Mongolia"),
    ("NL", "the Netherlands"),
    ("PK", "Pakistan"),
    ("PL", "Poland"),
    ("RU", "Russia"),
    ("SE", "Sweden"),
    ("SY", "Syria"),
    ("TJ", "Tajikistan"),
    ("TM", "Turkmenistan"),
    ("TR", "Turkey"),
    ("UA", "Ukraine"),
    ("UG", "Uganda"),
    ("US", "the United States"),
    ("UZ", "Uzbekistan"),
    ("VE", "Venezuela"),
    ("VN", "Vietnam"),
];

/// What people call a service.
pub fn service_name(service: &ServiceId) -> &str {
    let id = service.as_str();
    SERVICES.iter().find(|(known, _)| *known == id).map_or(id, |(_, name)| name)
}

/// A network as `Kazakhtelecom (AS9198)`, or just `AS64999` where no name is known.
pub fn network_name(network: Asn) -> String {
    match NETWORKS.iter().find(|(number, _)| *number == network.get()) {
        Some((_, name)) => format!("{name} ({network})"),
        None => network.to_string(),
    }
}

/// What people call a country, as within a sentence ("in the United States").
pub fn country_name(country: CountryCode) -> String {
    let code = country.to_string();
    COUNTRIES.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| (*name).to_owned())
}

/// [`country_name`] as a heading: without the article.
pub(crate) fn country_heading(country: CountryCode) -> String {
    let name = country_name(country);
    name.strip_prefix("the ").map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_keep_their_ids() {
        assert_eq!(service_name(&"example-1".parse().unwrap()), "example-1");
        assert_eq!(network_name(Asn::new(64999).unwrap()), "AS64999");
        assert_eq!(country_name("AQ".parse().unwrap()), "AQ");
    }

    #[test]
    fn the_known_are_called_by_name() {
        assert_eq!(service_name(&"facebook".parse().unwrap()), "Facebook");
        assert_eq!(network_name(Asn::new(9198).unwrap()), "Kazakhtelecom (AS9198)");
        assert_eq!(country_heading("US".parse().unwrap()), "United States");
    }

    #[test]
    fn nothing_is_named_twice() {
        for pair in SERVICES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{pair:?}");
        }
        for pair in COUNTRIES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{pair:?}");
        }
    }
}
