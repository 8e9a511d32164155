//! Typed identifiers: UUIDv7 inside, `lead_01h…` outside (TypeID form: prefix, `_`, 26 characters of base32).
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is no identifier of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not a {prefix} id; it looks like `{prefix}_` and 26 characters of base32")]
pub struct BadId {
    pub given: String,
    pub prefix: &'static str,
}

fn encode(id: Uuid) -> String {
    let n = id.as_u128();
    (0..26).map(|i| ALPHABET[((n >> (125 - 5 * i)) & 31) as usize] as char).collect()
}

fn decode(text: &str) -> Option<Uuid> {
    let digits = text.as_bytes();
    if digits.len() != 26 || digits[0] > b'7' {
        return None;
    }
    let mut n: u128 = 0;
    for digit in digits {
        let value = ALPHABET.iter().position(|c| c == digit)? as u128;
        n = (n << 5) | value;
    }
    Some(Uuid::from_u128(n))
}

/// Parses `prefix_…`.
fn parse(prefix: &'static str, given: &str) -> Result<Uuid, BadId> {
    given
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(decode)
        .ok_or_else(|| BadId { given: given.chars().take(80).collect(), prefix })
}

fn deserialize<'de, D: Deserializer<'de>>(prefix: &'static str, d: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(d)?;
    parse(prefix, &text).map_err(de::Error::custom)
}

fn serialize<S: Serializer>(prefix: &str, id: Uuid, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("{prefix}_{}", encode(id)))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// A new id; later ones sort after earlier ones.
            #[expect(clippy::new_without_default, reason = "every call makes another id")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads the outside form, prefix included.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                parse($prefix, text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                serialize($prefix, self.0, s)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                deserialize($prefix, d).map(Self)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-hjkmnp-tv-z]{26}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// One customer's data.
    WorkspaceId = "ws";
    /// A person, once per workspace.
    ContactId = "contact";
    /// What leads are collected for.
    CampaignId = "cmp";
    /// A contact in a campaign.
    LeadId = "lead";
    /// One trip of a lead through the pipeline towards one campaign.
    SubmissionId = "sub";
    /// A wait for an outside action.
    ParkId = "park";
    /// An API key's public half.
    KeyId = "key";
    /// Something that people must know.
    NoticeId = "note";
    /// A list that several campaigns share.
    ValueSetId = "vset";
    /// An account with a provider that calls or texts people.
    AgentId = "agent";
    /// One call, or one thread of texts.
    InteractionId = "int";
    /// One text of a thread.
    MessageId = "msg";
    /// A field that a workspace made up for its contacts.
    PropertyId = "prop";
    /// What somebody wrote about a contact.
    ContactNoteId = "cnote";
    /// A line of a contact's history.
    ContactChangeId = "change";
    /// Something that a contact did.
    ActivityId = "act";
    /// A group of contacts.
    SegmentId = "seg";
    /// A website that reports page visits.
    SiteId = "site";
    /// Something that an automation wants of the outside.
    AutomationJobId = "job";
    /// A file of leads or contacts that is brought in.
    ImportId = "imp";
    /// Leads that are to be submitted, many at once.
    LeadProcessId = "proc";
    /// An address that is told what happens.
    WebhookId = "hook";
    /// One message to such an address.
    WebhookMessageId = "whm";
    /// A line of the audit log.
    AuditId = "audit";
    /// What proves that a person agreed.
    EvidenceId = "ev";
    /// A list that was handed out as a file.
    ExportId = "exp";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_outside_form() {
        for id in [Uuid::nil(), Uuid::max(), Uuid::now_v7()] {
            let text = LeadId(id).to_string();
            assert_eq!(text.len(), "lead_".len() + 26);
            assert_eq!(LeadId::parse(&text), Ok(LeadId(id)));
        }
    }

    #[test]
    fn outside_forms_sort_as_their_ids() {
        let ids: Vec<_> = (0..100).map(|_| LeadId::new()).collect();
        let mut texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        texts.sort();
        assert_eq!(texts, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    }

    #[test]
    fn another_kind_of_id_or_a_damaged_one_is_refused() {
        let sub = SubmissionId::new().to_string();
        for bad in [&sub, "", "lead_", "lead_8zzzzzzzzzzzzzzzzzzzzzzzzz", "lead_u1", &sub[4..]] {
            let error = LeadId::parse(bad).unwrap_err();
            assert!(error.to_string().contains("is not a lead id"), "{error}");
        }
    }
}
