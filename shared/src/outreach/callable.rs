//! Whether a phone number is one that a person may be called or texted at.
use phonenumber::{Mode, Type, metadata::DATABASE};

/// Why a number is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCallable {
    #[error("the lead has no phone number in E.164")]
    NoNumber,
    #[error("the phone number fits no number plan")]
    NotInPlan,
    #[error("a toll-free number belongs to no person")]
    TollFree,
    #[error("calls to this number cost more than usual")]
    Premium,
    #[error("this is the number of a service, not of a person")]
    Service,
}

/// Whether a number (E.164) may be called or texted: in a number plan, and of a person. A North American number of an area code that is not
/// known yet may be.
pub fn callable(phone: &str) -> Result<(), NotCallable> {
    let number = phonenumber::parse(None, phone).map_err(|_| NotCallable::NoNumber)?;
    if number.format().mode(Mode::E164).to_string() != phone {
        return Err(NotCallable::NoNumber);
    }
    match number.number_type(&DATABASE) {
        Type::TollFree => Err(NotCallable::TollFree),
        Type::PremiumRate | Type::SharedCost => Err(NotCallable::Premium),
        Type::Pager | Type::Uan | Type::Voicemail | Type::Emergency | Type::ShortCode => {
            Err(NotCallable::Service)
        }
        Type::Unknown if !is_north_american(phone) => Err(NotCallable::NotInPlan),
        _ => Ok(()),
    }
}

/// `+1`, and an area code and an exchange that begin with 2 to 9; not a code whose calls cost more.
fn is_north_american(phone: &str) -> bool {
    let Some(national) = phone.strip_prefix("+1").map(str::as_bytes) else { return false };
    let begins = |at: usize| national.get(at).is_some_and(|digit| (b'2'..=b'9').contains(digit));
    national.len() == 10 && begins(0) && begins(3) && !national.starts_with(b"900")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_number_may_be_called_and_a_services_may_not() {
        for (phone, wanted) in [
            ("+14155550100", Ok(())),
            ("+12125550123", Ok(())),
            // An area code that no plan knows yet.
            ("+19995550100", Ok(())),
            ("+442079460958", Ok(())),
            ("+491712345678", Ok(())),
            ("+18005550100", Err(NotCallable::TollFree)),
            ("+18885550100", Err(NotCallable::TollFree)),
            ("+448001111111", Err(NotCallable::TollFree)),
            ("+19005550100", Err(NotCallable::Premium)),
            ("+11155550100", Err(NotCallable::NotInPlan)),
            ("+14151550100", Err(NotCallable::NotInPlan)),
            ("+1415555010", Err(NotCallable::NotInPlan)),
            ("+49123", Err(NotCallable::NotInPlan)),
            ("(415) 555-0100", Err(NotCallable::NoNumber)),
            ("14155550100", Err(NotCallable::NoNumber)),
            ("", Err(NotCallable::NoNumber)),
            ("+", Err(NotCallable::NoNumber)),
        ] {
            assert_eq!(callable(phone), wanted, "{phone}");
        }
    }
}
