//! What rows become, and that nothing of them gets lost on the way.
use super::*;
use crate::cells;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn lead() -> Value {
    json!({
        "leadId": "lead_1", "firstName": "=1+1", "lastName": "O'Brien, \"Bob\"\nSr", "email": "a@example.com",
        "phone": "+14155550100", "address": {"state": "CA", "street": "@home"}, "dateOfBirth": null,
        "questionnaire": [
            {"key": "roof", "question": "Which roof?", "answer": ["a|b", "c"]},
            {"key": "age", "question": "age", "answer": "40"},
        ],
        "customFields": {"n": -1.5, "empty": "", "b": true, "o": {"x": null}},
        "attribution": {"params": {"utm_source": "=x", "clicks": 3}, "gclid": "-g"},
        "compliance": {"tcpa": "'=quoted"},
        "files": [{"fileKey": "id", "fileName": "a.pdf", "status": "pending"}],
        "notes": [{"text": "hi"}], "isTest": false, "source": "api", "points": 12, "stars": 1.2,
    })
}

fn wide(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().flat_map(|row| What::Leads.wide(row)).collect()
}

/// Each record as pairs of column and cell, empty cells left out.
fn read(text: &[u8]) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(text);
    let header = reader.headers().unwrap().clone();
    let pairs = |record: csv::StringRecord| {
        let pairs = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        pairs.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| pairs(record.unwrap())).collect()
}

fn cell<'a>(record: &'a [(String, String)], name: &str) -> &'a str {
    &record.iter().find(|(column, _)| column == name).unwrap_or_else(|| panic!("{name}")).1
}

#[test]
fn every_member_has_a_cell_that_no_spreadsheet_runs() {
    let rows = [lead(), json!({"leadId": "lead_2"})];
    let layout = Layout::of(What::Leads, &wide(&rows)).unwrap();
    let names: Vec<String> = layout.names().map(str::to_owned).collect();
    assert_eq!(
        &names[16..27],
        [
            "questionnaire.age",
            "questionnaire.roof",
            "custom.b",
            "custom.empty",
            "custom.n",
            "custom.o",
            "attribution.params.clicks",
            "attribution.params.utm_source",
            "attribution.gclid",
            "compliance.tcpa",
            "file.id"
        ]
    );
    let writer = Writer::Csv { layout: layout.clone(), raw: false };
    let text = [writer.head(), writer.rows(&rows).unwrap()].concat();
    let records = read(&text);
    assert_eq!(records[1], [("leadId".to_owned(), "lead_2".to_owned())]);
    for (name, wanted) in [
        ("firstName", "'=1+1"),
        ("lastName", "O'Brien, \"Bob\"\nSr"),
        ("phone", "'+14155550100"),
        ("address.street", "'@home"),
        ("questionnaire.roof", r#"["a|b","c"]"#),
        ("questionnaire.age", "\"40\""),
        ("custom.n", "'-1.5"),
        ("custom.empty", "\"\""),
        ("custom.b", "true"),
        ("custom.o", r#"{"x":null}"#),
        ("attribution.params.utm_source", "'=x"),
        ("attribution.params.clicks", "3"),
        ("attribution.gclid", "'-g"),
        ("compliance.tcpa", "''=quoted"),
        ("file.id", r#"{"fileName":"a.pdf","status":"pending"}"#),
        ("isTest", "false"),
        ("leadSource", "api"),
        ("stars", "1.2"),
    ] {
        assert_eq!(cell(&records[0], name), wanted, "{name}");
    }
    let raw = Writer::Csv { layout, raw: true };
    let raw = read(&[raw.head(), raw.rows(&rows).unwrap()].concat());
    for ((name, harmless), (_, plain)) in records[0].iter().zip(&raw[0]) {
        assert_eq!(cells::restore(harmless), plain, "{name}");
    }
}

#[test]
fn lists_of_texts_are_read_again() {
    for texts in [json!(["a", "b c"]), json!(["a|b"]), json!([" a"]), json!(["[1]"]), json!(["40"])]
    {
        let row = json!({"tags": texts, "properties": {"list": texts}});
        let layout = Layout::chosen(What::Contacts, ["tags", "property.list"]).unwrap();
        let cells: Vec<String> = layout.cells(&row).map(std::borrow::Cow::into_owned).collect();
        for cell in &cells {
            assert_eq!(cells::read_texts(cell), texts, "{cell}");
        }
    }
    let layout = Layout::chosen(What::Contacts, ["tags"]).unwrap();
    assert_eq!(layout.cells(&json!({"tags": ["a", "b"]})).next().unwrap(), "a|b");
}

#[test]
fn chosen_columns_are_all_there_is() {
    let layout = Layout::chosen(What::Leads, ["email", "custom.n", "custom.zip"]).unwrap();
    let csv = Writer::Csv { layout: layout.clone(), raw: false };
    assert_eq!(csv.head(), b"email,custom.n,custom.zip\r\n");
    assert_eq!(csv.rows(&[lead()]).unwrap(), b"a@example.com,'-1.5,\r\n");
    let lines = Writer::Ndjson { layout: Some(layout) }.rows(&[lead()]).unwrap();
    assert_eq!(lines, b"{\"email\":\"a@example.com\",\"custom.n\":-1.5,\"custom.zip\":null}\n");
    let whole = Writer::Ndjson { layout: None }.rows(&[lead(), json!({"a": "x\ny"})]).unwrap();
    let whole = String::from_utf8(whole).unwrap();
    let read = whole.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(read.collect::<Vec<Value>>(), [lead(), json!({"a": "x\ny"})]);
    let wrong = ["email", "email", "nope", "custom.", "attribution.params"];
    let wrong = Layout::chosen(What::Leads, wrong).unwrap_err();
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong[1].contains("has no column `nope`; columns are leadId, "), "{wrong:?}");
}

#[test]
fn a_value_without_a_column_ends_the_export() {
    let layout = Layout::of(What::Leads, &BTreeSet::new()).unwrap();
    let writer = Writer::Csv { layout, raw: false };
    let row =
        json!({"leadId": "lead_1", "attribution": {"params": {}}, "customFields": {"late": 1}});
    assert_eq!(writer.rows(&[row]), Err(Unlisted("custom.late".into())));
    assert!(writer.rows(&[json!({"attribution": {"params": {}}})]).is_ok());
}

#[test]
fn there_are_not_too_many_columns() {
    let keys = |n: usize| (0..n).map(|n| format!("custom.k{n}")).collect();
    let fixed = Layout::of(What::Leads, &BTreeSet::new()).unwrap().names().count();
    assert!(Layout::of(What::Leads, &keys(COLUMNS_MAX - fixed)).is_ok());
    assert_eq!(Layout::of(What::Leads, &keys(COLUMNS_MAX - fixed + 1)), Err(TooMany(501)));
}
