//! Zones of area codes, states, postal codes and countries; and that the data are whole.
use super::*;

fn names(known: Whereabouts<'_>) -> String {
    let zones: Vec<&str> = candidates(known).into_iter().map(Tz::name).collect();
    zones.join(" ").replace("America/", "")
}

fn phone(phone: &str) -> String {
    names(Whereabouts { phone: Some(phone), ..Whereabouts::default() })
}

fn state(country: Option<&str>, state: &str, zip: &str) -> String {
    names(Whereabouts { country, state: Some(state), zip: Some(zip), ..Whereabouts::default() })
}

#[test]
fn an_area_code_lies_in_its_zones() {
    let rows = [
        (
            "New_York",
            "201 202 212 215 216 239 302 305 313 404 410 412 502 513 603 617 646 704 802 803 804 843 904",
        ),
        ("Chicago", "205 210 214 225 312 314 402 405 414 501 504 512 601 612 615 713 773 816 901"),
        ("Denver", "303 307 385 406 505 575 720 801 915"),
        ("Los_Angeles", "206 213 310 408 415 503 509 619 702 725 916 949"),
        ("Phoenix", "480 520 602 623"),
        ("Denver Phoenix", "928"),
        ("Chicago New_York", "219 270 364 423 448 574 812 850 906 930"),
        ("Chicago Denver", "308 605 620 701 785"),
        ("Denver Los_Angeles", "208 458 541 775 986"),
        ("Pacific/Honolulu", "808"),
        ("Toronto", "416 514 613 905"),
        ("Edmonton Vancouver", "236 250 257 672 778"),
        ("Vancouver", "604"),
        ("Regina", "306 474 639"),
        ("Panama Toronto Winnipeg", "807"),
        ("Halifax", "506 902"),
        ("Puerto_Rico", "787 939"),
        ("Jamaica", "658 876"),
        ("Atlantic/Bermuda", "441"),
    ];
    for (zones, codes) in rows {
        for code in codes.split(' ') {
            assert_eq!(phone(&format!("+1{code}5550100")), zones, "{code}");
        }
    }
}

#[test]
fn an_unknown_area_code_may_be_anywhere_in_north_america() {
    let zones = phone("+19995550100");
    for zone in ["New_York", "Honolulu", "Adak", "St_Johns", "Vancouver", "Phoenix"] {
        assert!(zones.contains(zone), "{zone} is not in {zones}");
    }
    let known =
        Whereabouts { phone: Some("+19995550100"), country: Some("JM"), ..Whereabouts::default() };
    assert_eq!(names(known), "Jamaica", "the country is finer than the calling code");
}

#[test]
fn every_state_has_its_zones() {
    for (zone, codes) in [
        ("New_York", "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV"),
        ("Chicago New_York", "FL IN KY MI TN"),
        ("Chicago", "AL AR IA IL LA MN MO MS OK WI"),
        ("Chicago Denver", "KS ND NE SD TX"),
        ("Denver", "CO MT NM UT WY"),
        ("Denver Phoenix", "AZ"),
        ("Denver Los_Angeles", "ID NV OR"),
        ("Los_Angeles", "CA WA"),
        ("Adak Anchorage", "AK"),
        ("Pacific/Honolulu", "HI"),
    ] {
        for code in codes.split(' ') {
            assert_eq!(state(Some("US"), code, ""), zone, "{code}");
            assert_eq!(state(None, &code.to_lowercase(), ""), zone, "{code}");
        }
    }
    let states = TABLE.states.iter().filter(|one| one.country == "US").count();
    assert_eq!(states, 51 + 5, "50 states, the District of Columbia and 5 territories");
    assert_eq!(TABLE.states.len() - states, 13, "10 provinces and 3 territories");
    for (code, zone) in [("ON", "Panama Toronto Winnipeg"), ("AB", "Edmonton"), ("NS", "Halifax")] {
        assert_eq!(state(Some("Canada"), code, ""), zone, "{code}");
    }
}

#[test]
fn a_postal_code_decides_within_a_state() {
    for (code, zip, zone) in [
        ("FL", "33101", "New_York"),
        ("FL", "32501-1234", "Chicago"),
        ("FL", "32401", "Chicago New_York"),
        ("Florida", "", "Chicago New_York"),
        ("TX", "79901", "Denver"),
        ("TX", "75201", "Chicago"),
        ("TX", "79839", "Chicago Denver"),
        ("TN", "37201", "Chicago"),
        ("TN", "37902", "New_York"),
        ("AK", "99546", "Adak"),
        ("AK", "99501", "Anchorage"),
        ("AZ", "85001", "Phoenix"),
        ("AZ", "86045", "Denver Phoenix"),
        ("ID", "83814", "Los_Angeles"),
        ("ON", "M5V 2T6", "Toronto"),
        ("on", "p9n1a1", "Winnipeg"),
        ("BC", "V1C 1A1", "Edmonton"),
        ("british  columbia", "V6B 1A1", "Vancouver"),
        ("CA", "K1A 0B1", "Los_Angeles"),
    ] {
        assert_eq!(state(None, code, zip), zone, "{code} {zip}");
    }
}

#[test]
fn the_most_certain_evidence_decides() {
    let all = Whereabouts {
        timezone: Some("Europe/Berlin"),
        country: Some("us"),
        state: Some("NY"),
        zip: Some("10001"),
        phone: Some("+13105550100"),
    };
    let unstated = Whereabouts { timezone: Some("somewhere"), ..all };
    let stateless = Whereabouts { state: Some("  "), ..unstated };
    let foreign = Whereabouts { phone: Some("+442079460958"), ..stateless };
    let phone_only = Whereabouts { country: None, state: None, ..foreign };
    assert_eq!(names(all), "Europe/Berlin");
    assert_eq!(names(unstated), "New_York");
    assert_eq!(names(stateless), "Los_Angeles");
    assert_eq!(
        names(foreign),
        "Adak Anchorage Chicago Denver Los_Angeles New_York Phoenix Pacific/Honolulu"
    );
    assert_eq!(names(phone_only), "Europe/London");
    let abroad = Whereabouts { state: Some("WA"), country: Some("AU"), ..Whereabouts::default() };
    assert!(names(abroad).contains("Australia/Perth"), "not Washington");
    let unsaid = Whereabouts { country: None, phone: Some("+61891234567"), ..abroad };
    assert!(names(unsaid).contains("Australia/Perth"), "not Washington");
    for nothing in ["", "+", "+0", "+80012345678", "415 555 0100", "+1é"] {
        let zones = candidates(Whereabouts { phone: Some(nothing), ..Whereabouts::default() });
        assert!(zones.is_empty() || nothing.starts_with("+1"), "{nothing}: {zones:?}");
    }
    assert_eq!(or_campaign(Vec::new(), Tz::Europe__Paris), [Tz::Europe__Paris]);
}

#[test]
fn a_lead_view_says_where_the_person_is() {
    let view = serde_json::json!({
        "lead": {"timezone": null, "phone": "+13105550100", "country": "US"},
        "address": {"state": "TX", "zip": "79901", "country": ""},
    });
    assert_eq!(names(Whereabouts::of_view(&view)), "Denver");
    assert_eq!(Whereabouts::of_view(&serde_json::json!({})), Whereabouts::default());
}

/// The lines of the data that are no comment.
fn lines() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("data/numbers.txt").lines();
    lines.chain(include_str!("data/states.txt").lines()).filter(|line| !line.starts_with('#'))
}

#[test]
fn every_line_is_understood_and_every_zone_known() {
    let mut areas = 0;
    for line in lines() {
        let (keys, values) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
        let (kind, keys) = keys.split_once(' ').unwrap();
        for value in values.split(' ') {
            match kind {
                "phone" => assert!(TABLE.countries.contains_key(value), "{line}"),
                _ => assert!(value.parse::<Tz>().is_ok(), "{line}: {value}"),
            }
        }
        match kind {
            "zip" => {
                let mut words = keys.split(' ');
                let (country, code) = (words.next().unwrap(), words.next().unwrap());
                let zones = state(Some(country), code, words.next().unwrap());
                let all = state(Some(country), code, "");
                let within = zones.split(' ').all(|zone| all.split(' ').any(|one| one == zone));
                assert!(within, "{line}: {zones} is not among {all}");
            }
            "area" => areas += keys.split(' ').count(),
            "country" | "phone" | "state" => {}
            other => panic!("{other} is not known"),
        }
    }
    assert_eq!(areas, TABLE.areas.len(), "an area code stands twice");
    assert!(areas > 430 && TABLE.countries.len() > 240, "{areas}");
}
