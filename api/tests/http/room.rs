//! Caps and schedules over HTTP: what is refused, and how much room there is.
use crate::support::world;
use serde_json::json;

#[tokio::test]
async fn caps_and_schedules_that_cannot_be_meant_are_refused_where_they_are_wrong() {
    let world = world().await;
    let mut lines = Vec::new();
    for config in [
        json!({"caps": [{"period": "daily"}]}),
        json!({"caps": [{"period": "daily", "leads": -1}]}),
        json!({"caps": [{"period": "yearly", "leads": 1}]}),
        json!({"caps": [{"period": "daily", "leads": 1}, {"period": "daily", "leads": 2}]}),
        json!({"caps": [{"period": "daily", "leads": 1, "from": "2026-01-01"}]}),
        json!({"caps": [{"period": "lifetime", "leads": 1, "from": "2026-02-01", "until": "2026-01-01"}]}),
        json!({"caps": [{"period": "daily", "leads": 1, "whenFull": {"action": "none"}}]}),
        json!({"caps": [{"period": "daily", "leads": 1, "whenFull": {"action": "campaign"}}]}),
        json!({"caps": [{"period": "daily", "money": {"amountMinor": 100, "currency": "usd", "reserveMinor": 0}}]}),
        json!({"schedule": {"windows": []}}),
        json!({"schedule": {"timezone": "Mars/Base", "windows": [{"days": [], "from": "09:00", "until": "09:00"}]}}),
        json!({"schedule": {"windows": [{"days": ["mon"], "from": "9:00", "until": "17:00"}]}}),
        json!({"schedule": {"windows": [{"days": ["monday"], "from": "09:00", "until": "17:00"}]}}),
    ] {
        let body = json!({"name": "x", "config": config});
        lines.push(world.post("/api/v1/campaigns", body).await.refusal());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    422 VALIDATION_ERROR: config.caps[0] needs either `leads` or `money`
      config.caps[0] | needs either `leads` or `money`
    422 VALIDATION_ERROR: config.caps[0].leads must be 0 or more
      config.caps[0].leads | must be 0 or more
    422 VALIDATION_ERROR: config.caps[0].period `yearly` is not known, expected one of `lifetime`, `monthly`, `weekly`, `daily`, `hourly`
      config.caps[0].period | `yearly` is not known, expected one of `lifetime`, `monthly`, `weekly`, `daily`, `hourly`
    422 VALIDATION_ERROR: config.caps[1] counts the same as a cap above; keep one of them
      config.caps[1] | counts the same as a cap above; keep one of them
    422 VALIDATION_ERROR: config.caps[0] only a lifetime cap has `from` and `until`
      config.caps[0] | only a lifetime cap has `from` and `until`
    422 VALIDATION_ERROR: config.caps[0].until must not be before `from`
      config.caps[0].until | must not be before `from`
    422 VALIDATION_ERROR: config.caps[0].whenFull.action a cap that lets leads through would be none; `none` is for schedules
      config.caps[0].whenFull.action | a cap that lets leads through would be none; `none` is for schedules
    422 VALIDATION_ERROR: config.caps[0].whenFull.campaign name the campaign
      config.caps[0].whenFull.campaign | name the campaign
    422 VALIDATION_ERROR: the request has 2 problems
      config.caps[0].money.reserveMinor | must be 1 or more: a lead that counts for nothing while it is under way is not held back
      config.caps[0].money.currency | must be an ISO 4217 code such as USD
    422 VALIDATION_ERROR: config.schedule.windows is empty, so nothing would ever be delivered
      config.schedule.windows | is empty, so nothing would ever be delivered
    422 VALIDATION_ERROR: the request has 3 problems
      config.schedule.timezone | is not an IANA time zone such as America/New_York
      config.schedule.windows[0].days | name at least one day, `mon` to `sun`
      config.schedule.windows[0].until | must be after `from`; write a window over midnight as two, to 24:00 and from 00:00
    422 VALIDATION_ERROR: config.schedule.windows[0].from `9:00` is no time of day; write HH:MM, 00:00 to 24:00
      config.schedule.windows[0].from | `9:00` is no time of day; write HH:MM, 00:00 to 24:00
    422 VALIDATION_ERROR: config.schedule.windows[0].days[0] `monday` is not known, expected one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`
      config.schedule.windows[0].days[0] | `monday` is not known, expected one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`
    "#);
}

#[tokio::test]
async fn how_much_room_a_campaign_has() {
    let world = world().await;
    let config = json!({
        "timezone": "America/New_York",
        "caps": [
            {"period": "daily", "leads": 100},
            {"period": "monthly", "money": {"amountMinor": 500_000, "currency": "USD", "reserveMinor": 4_000}},
        ],
        "schedule": {"windows": [{"days": ["mon"], "from": "09:00", "until": "17:00"}]},
    });
    let id = world.campaign("SOL", config).await;
    let room = world.ask("GET", &format!("/api/v1/campaigns/{id}/room")).send().await;
    insta::assert_snapshot!(room.plain(), @r#"
    200 {
      "data": {
        "caps": [
          {
            "cap": "monthly.USD",
            "confirmed": 0,
            "fullAt": null,
            "limit": 500000,
            "taken": 0,
            "windowEnd": "2026-12-01T05:00:00Z",
            "windowStart": "2026-11-01T04:00:00Z"
          },
          {
            "cap": "daily.leads",
            "confirmed": 0,
            "fullAt": null,
            "limit": 100,
            "taken": 0,
            "windowEnd": "2026-11-22T05:00:00Z",
            "windowStart": "2026-11-21T05:00:00Z"
          }
        ],
        "isOpen": false,
        "opensAt": "2026-11-23T14:00:00Z",
        "waiting": 0
      },
      "success": true
    }
    "#);
    let theirs = world.ask_as(&world.stranger, "GET", &format!("/api/v1/campaigns/{id}/room"));
    assert_eq!(theirs.send().await.status, 404);
}
