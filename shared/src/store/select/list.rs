//! Leaves on lists, on what a contact is a member of, and on how often something happened.
use super::{Bound, Side, Writer, leaf::texts};
use crate::{
    ids::{CampaignId, SegmentId},
    rules::{self, Count, Leaf, Literal, Operand, Operator},
    store::dialect::Engine,
};
use serde_json::Value;
use uuid::Uuid;

impl Writer<'_> {
    /// Leaves on elements. Where both read as numbers they compare as such, which SQL does not.
    pub fn on_list(
        &mut self,
        operator: Operator,
        operand: &Operand,
        own: &str,
        side: Side,
    ) -> String {
        let Operand::Literals(wanted) = operand else { return self.rough(side, "TRUE") };
        if wanted.iter().any(|one| one.number.is_some()) {
            return self.rough(side, "TRUE");
        }
        let texts = texts(wanted);
        let is_all = operator == Operator::ContainsAll;
        if texts.is_empty() || (is_all && texts.len() < wanted.len()) {
            return "FALSE".into();
        }
        let list = self.many(&texts);
        match (self.engine, is_all) {
            (Engine::Postgres, true) => {
                format!("{own} ?& ARRAY(SELECT v.value FROM {list} v)")
            }
            (Engine::Postgres, false) => {
                format!("{own} ?| ARRAY(SELECT v.value FROM {list} v)")
            }
            (Engine::Sqlite, true) => format!(
                "NOT EXISTS (SELECT 1 FROM {list} v WHERE v.value NOT IN (SELECT e.value FROM json_each({own}) e))"
            ),
            (Engine::Sqlite, false) => format!(
                "EXISTS (SELECT 1 FROM json_each({own}) e WHERE e.value IN (SELECT v.value FROM {list} v))"
            ),
        }
    }

    /// Leaves whose field is never empty.
    pub fn of_contact(&mut self, leaf: &Leaf) -> Option<String> {
        match (&leaf.operand, leaf.operator) {
            (Operand::Literals(wanted), Operator::MemberOf | Operator::NotMemberOf) => {
                let name = leaf.field.path().strip_prefix("contact.")?;
                let is_in = self.member_of(name, wanted);
                Some(match leaf.operator {
                    Operator::MemberOf => is_in,
                    _ => format!("(NOT {is_in})"),
                })
            }
            (Operand::Count(count), _) => {
                let kind = leaf.field.path().strip_prefix("event.")?.to_owned();
                Some(self.happened(&kind, count))
            }
            _ => None,
        }
    }

    fn member_of(&mut self, name: &str, wanted: &[Literal]) -> String {
        let id = |text: &str| match name {
            "segments" => SegmentId::parse(text).ok().map(|id| id.0),
            _ => CampaignId::parse(text).ok().map(|id| id.0),
        };
        let ids: Vec<Uuid> = wanted.iter().filter_map(|one| id(&one.text)).collect();
        if ids.is_empty() {
            return "FALSE".into();
        }
        let column = if name == "segments" { "m.segment_id" } else { "l.campaign_id" };
        let one_of = match ids.as_slice() {
            [id] => format!(" AND {column} = {}", self.put(Bound::Id(*id))),
            _ => {
                let all: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
                let all = self.put(Bound::Many(all.into()));
                let pg = format!("SELECT v.value::uuid FROM jsonb_array_elements_text({all}) v");
                let lite = format!("SELECT unhex(v.value, '-') FROM json_each({all}) v");
                format!(" AND {column} IN ({})", self.pick(&pg, &lite))
            }
        };
        self.in_some(name, &one_of)
    }

    /// Whether the contact is in any.
    pub fn in_any(&self, name: &str) -> String {
        self.in_some(name, "")
    }

    /// Whether the contact is in a segment that is not deleted, or has a lead that is not, or one of a status. PostgreSQL is kept from
    /// making a hash of all members for a look at few contacts.
    fn in_some(&self, name: &str, one_of: &str) -> String {
        let fence = self.pick(" OFFSET 0", "");
        let status = match name {
            "segments" => {
                return format!(
                    "EXISTS (SELECT 1 FROM segment s JOIN segment_member m ON m.workspace_id = s.workspace_id AND m.segment_id = s.id \
                     WHERE s.workspace_id = c.workspace_id AND s.deleted_at IS NULL AND m.contact_id = c.id{one_of}{fence})"
                );
            }
            "activeIn" => "= 'active'",
            "qualifiedIn" => "= 'qualified'",
            "rejectedIn" => "= 'rejected'",
            _ => "<> 'deleted'",
        };
        format!(
            "EXISTS (SELECT 1 FROM lead l WHERE l.workspace_id = c.workspace_id AND l.contact_id = c.id \
             AND l.status {status}{one_of}{fence})"
        )
    }

    fn happened(&mut self, kind: &str, count: &Count) -> String {
        let bounds = [(count.at_least, ">="), (count.at_most, "<=")];
        let bounds = bounds.into_iter().filter_map(|(bound, sign)| Some((bound?, sign)));
        // No such name is kept.
        if count.name.as_ref().is_some_and(|name| name.contains('\0')) {
            return if count.at_least.unwrap_or(0) == 0 { "TRUE".into() } else { "FALSE".into() };
        }
        let times = self.times(kind, count);
        let parts: Vec<String> = bounds
            .map(|(bound, sign)| format!("{times} {sign} {}", self.put(Bound::Whole(bound))))
            .collect();
        format!("({})", parts.join(" AND "))
    }

    /// How often it happened, 0 when never.
    fn times(&mut self, kind: &str, count: &Count) -> String {
        let key = self.text(kind);
        if count.name.is_none() && count.within_days.is_none() {
            self.needs_sum = true;
            let kept = format!("a.events->{key}->>'count'");
            let pg = format!("COALESCE(({kept})::bigint, 0)");
            let lite = format!("COALESCE({kept}, 0)");
            return self.pick(&pg, &lite).to_owned();
        }
        let name = count.name.as_ref().map(|name| format!(" AND d.name = {}", self.text(name)));
        let since = count.within_days.map(|days| {
            let day = self.text(&rules::event_day(self.moment.now, days));
            format!(" AND {} >= {day}", self.sortable("d.day"))
        });
        format!(
            "(SELECT COALESCE(SUM(d.times), 0) FROM activity_day d WHERE d.workspace_id = c.workspace_id AND d.contact_id = c.id \
             AND d.type = {key}{}{})",
            name.unwrap_or_default(),
            since.unwrap_or_default()
        )
    }
}
