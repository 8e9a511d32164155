//! The file of rows that were not taken: their cells as they came, and what is wrong with each. Mended, it can be brought in again.
use super::Problem;
use crate::cells::neutralise;
use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use std::borrow::Cow;

/// The columns that it has beyond those of the file it came from.
const ADDED: [&str; 2] = ["importRow", "importProblems"];

/// How the rows of a file that were not taken are written.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    header: &'a [String],
}

impl<'a> Report<'a> {
    /// For a file of these columns. A file that is such a report itself does not get the added columns twice.
    pub fn new(header: &'a [String]) -> Self {
        Self { header }
    }

    /// The first line, with its end.
    pub fn header(&self) -> String {
        let own = self.header.iter().map(String::as_str).filter(|name| !ADDED.contains(name));
        line(own.chain(ADDED))
    }

    /// The line of a row, with its end. Cells that a spreadsheet would run are harmless; cells beyond the columns come last.
    pub fn row(&self, number: i64, problems: &[Problem], record: &str) -> String {
        let cells = cells(record, 1).pop().unwrap_or_default();
        let cell = |at: usize| cells.get(at).map(String::as_str).unwrap_or_default();
        let own = self.header.iter().enumerate();
        let own = own.filter(|(_, name)| !ADDED.contains(&name.as_str())).map(|(at, _)| cell(at));
        let beyond = cells.iter().skip(self.header.len()).map(String::as_str);
        let (number, problems) = (number.to_string(), told(problems));
        line(own.chain([number.as_str(), problems.as_str()]).chain(beyond))
    }
}

/// The cells of the first `most` records of a text whose cells are parted by commas.
pub fn cells(text: &str, most: usize) -> Vec<Vec<String>> {
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let read = |record: StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().take(most).filter_map(Result::ok).map(read).collect()
}

/// All problems in one cell.
fn told(problems: &[Problem]) -> String {
    let one = |problem: &Problem| match &problem.column {
        Some(column) => format!("{column}: {}", problem.message),
        None => problem.message.clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn line<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let mut writer = WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let cells: Vec<Cow<'_, str>> = cells.map(neutralise).collect();
    let written = writer.write_record(cells.iter().map(|cell| cell.as_bytes()));
    written.expect("a text in memory takes everything");
    let bytes = writer.into_inner().expect("a text in memory takes everything");
    String::from_utf8(bytes).expect("cells are texts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Limits, Splitter};

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn problem(column: Option<&str>, message: &str) -> Problem {
        Problem { column: column.map(str::to_owned), field: None, message: message.into() }
    }

    #[test]
    fn rows_come_with_what_is_wrong_and_without_formulas() {
        let header = header(&["Name", "E-Mail"]);
        let report = Report::new(&header);
        assert_eq!(report.header(), "Name,E-Mail,importRow,importProblems\n");
        let problems = [problem(Some("E-Mail"), "is no address"), problem(None, "says \"no\"")];
        assert_eq!(
            report.row(7, &problems, "\"=cmd(), x\",a"),
            "\"'=cmd(), x\",a,7,\"E-Mail: is no address; says \"\"no\"\"\"\n"
        );
        assert_eq!(report.row(8, &[], "one"), "one,,8,\n", "what is missing is empty");
        assert_eq!(report.row(9, &[], "a,b,c"), "a,b,9,,c\n", "what is too much is last");
    }

    #[test]
    fn a_report_of_a_report_has_the_added_columns_once() {
        let header = header(&["Name", "importRow", "importProblems", "City"]);
        let report = Report::new(&header);
        assert_eq!(report.header(), "Name,City,importRow,importProblems\n");
        assert_eq!(report.row(1, &[], "Ada,9,old,\"New\nYork\""), "Ada,\"New\nYork\",1,\n");
    }

    #[test]
    fn a_report_is_a_file_that_can_be_brought_in() {
        let header = header(&["=Name", "City"]);
        let report = Report::new(&header);
        let text = report.header() + &report.row(1, &[problem(None, "x")], "\"a \"\"b\"\"\",+1");
        let mut splitter = Splitter::new(Limits::default());
        splitter.feed(text.as_bytes()).unwrap();
        let file = splitter.finish().unwrap();
        assert_eq!(file.header, ["=Name", "City", "importRow", "importProblems"]);
        assert_eq!(cells(&file.parts[0].text, 9), [["a \"b\"", "'+1", "1", "x"]]);
    }
}
