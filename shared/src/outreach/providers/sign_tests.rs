//! Tests of the signatures that providers share.
use super::*;
use crate::outreach::providers::testing::{incoming, time};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
const AT: i64 = 1_649_367_553;
const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

fn headers(id: &str, at: &str, signature: &str) -> Vec<(String, String)> {
    [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn verified(at: &str, signature: &str, body: &[u8], now: i64) -> Result<(), NotGenuine> {
    let key = decode_secret(SECRET).unwrap();
    let headers = headers(ID, at, signature);
    verify(&[&[7; 24], key.bytes()], &incoming("", &headers, body), time(now))
}

#[test]
fn the_published_vector_is_signed_and_verified() {
    let key = decode_secret(SECRET).unwrap();
    assert_eq!(sign(key.bytes(), ID, AT, BODY), SIGNATURE);
    assert_eq!(verified("1649367553", SIGNATURE, BODY, AT), Ok(()));
}

#[test]
fn the_right_one_among_several_signatures_is_enough() {
    let list = format!("v1a,abc v2,tZ1I4 nonsense v1,!! v1,AAAA {SIGNATURE}");
    assert_eq!(verified("1649367553", &list, BODY, AT), Ok(()));
    let other = sign(&[7; 24], ID, AT, BODY);
    assert_eq!(verified("1649367553", &other, BODY, AT), Ok(()), "the other secret");
    let many = format!("{}{SIGNATURE}", "v1,AAAA ".repeat(SIGNATURES_MAX));
    assert_eq!(verified("1649367553", &many, BODY, AT), Err(NotGenuine::Forged));
}

#[test]
fn what_was_changed_or_is_old_is_refused() {
    for (at, signature, body, now, wanted) in [
        ("1649367553", SIGNATURE, &b"{}"[..], AT, NotGenuine::Forged),
        ("1649367554", SIGNATURE, BODY, AT, NotGenuine::Forged),
        ("1649367553", "v1,", BODY, AT, NotGenuine::Forged),
        ("1649367553", &SIGNATURE.replace("v1,", "v1a,"), BODY, AT, NotGenuine::Forged),
        ("1649367553", SIGNATURE, BODY, AT + 301, NotGenuine::Stale(300)),
        ("1649367553", SIGNATURE, BODY, AT - 301, NotGenuine::Stale(300)),
        ("1649367553000", SIGNATURE, BODY, AT, NotGenuine::Malformed("webhook-timestamp")),
        ("+1649367553", SIGNATURE, BODY, AT, NotGenuine::Malformed("webhook-timestamp")),
        ("", SIGNATURE, BODY, AT, NotGenuine::Malformed("webhook-timestamp")),
    ] {
        assert_eq!(verified(at, signature, body, now), Err(wanted), "{at} {signature}");
    }
    for now in [AT - 300, AT + 300] {
        assert_eq!(verified("1649367553", SIGNATURE, BODY, now), Ok(()), "{now}");
    }
    let key = decode_secret(SECRET).unwrap();
    for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut headers = headers(ID, "1649367553", SIGNATURE);
        headers.retain(|(name, _)| name != missing);
        let got = verify(&[key.bytes()], &incoming("", &headers, BODY), time(AT));
        assert_eq!(got, Err(NotGenuine::Unsigned(missing)));
    }
}

#[test]
fn a_secret_is_whsec_and_base64_of_enough_bytes() {
    let bare = SECRET.trim_start_matches(SECRET_PREFIX);
    assert_eq!(decode_secret(bare), decode_secret(SECRET));
    let unpadded = decode_secret(&format!("whsec_{}", "ab".repeat(17))).unwrap();
    assert_eq!(unpadded.bytes().len(), 25);
    for bad in ["", "whsec_", "whsec_?", "whsec_AAAA", &format!("whsec_{}", "A".repeat(88))] {
        let Err(why) = decode_secret(bad) else { panic!("{bad} was taken") };
        assert!(bad.is_empty() || !why.contains(bad), "{why}");
    }
    assert_eq!(format!("{unpadded:?}"), "[REDACTED]");
}

#[test]
fn hmacs_are_those_of_the_published_vectors() {
    // RFC 2202 and RFC 4231, test case 2.
    let (key, message) = (b"Jefe", b"what do ya want for nothing?");
    for (hash, wanted) in [
        (Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (Hash::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            Hash::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        let tag = hash.sign(key, message);
        assert_eq!(hex(&tag), wanted);
        assert!(hash.fits(key, message, &tag));
        assert!(!hash.fits(key, message, &tag[1..]) && !hash.fits(b"Jeff", message, &tag));
    }
}

#[test]
fn texts_are_coded_and_compared() {
    assert_eq!(unhex("00fFa1"), Some(vec![0, 255, 161]));
    assert_eq!((unhex("0"), unhex("0g"), unhex("é0")), (None, None, None));
    assert_eq!(base64_url(&[251, 255, 254, 0]), "-__-AA");
    assert_eq!(unbase64_url("-__-AA"), Some(vec![251, 255, 254, 0]));
    assert_eq!(unbase64("AAA"), unbase64("AAA="));
    assert!(same("token", "token") && !same("token", "tokem") && !same("token", ""));
}

#[test]
fn times_are_read_in_seconds_and_milliseconds() {
    for (text, wanted) in [
        ("1700000000", Some(1_700_000_000_000)),
        ("1700000000123", Some(1_700_000_000_123)),
        ("-5", None),
        ("1.5", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(milliseconds(text), wanted, "{text}");
    }
    assert_eq!(fresh(i64::MIN, time(0), 300), Err(NotGenuine::Stale(300)), "no overflow");
}
