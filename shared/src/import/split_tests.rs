//! Splitting: hard files, and however a file is sliced, its records are what the `csv` crate reads from the whole.
use super::*;
use proptest::prelude::*;

fn split(pieces: &[&[u8]], limits: Limits) -> Result<Finished, SplitError> {
    let mut splitter = Splitter::new(limits);
    let mut parts = Vec::new();
    for piece in pieces {
        parts.extend(splitter.feed(piece)?);
    }
    let mut finished = splitter.finish()?;
    parts.append(&mut finished.parts);
    Ok(Finished { parts, ..finished })
}

fn whole(file: impl AsRef<[u8]>) -> Result<Finished, SplitError> {
    split(&[file.as_ref()], Limits::default())
}

/// The cells of every row.
fn rows(finished: &Finished) -> Vec<Vec<String>> {
    let texts: String = finished.parts.iter().map(|part| part.text.as_str()).collect();
    read(&texts, b',')
}

fn read(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(delimiter);
    let records = reader.from_reader(text.as_bytes()).into_records();
    records.map(|one| one.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(to_bytes).collect()
}

#[test]
fn hard_files_are_read() {
    let table = [["1", "Zoë 😀"], ["2", "a,b\nc \"d\""]];
    let plain = "id,name\n1,Zoë 😀\n2,\"a,b\nc \"\"d\"\"\"\n";
    for (what, file) in [
        ("plain", plain.as_bytes().to_vec()),
        ("byte order mark", format!("\u{feff}{plain}").into_bytes()),
        ("UTF-16 LE", utf16(plain, u16::to_le_bytes)),
        ("UTF-16 BE", utf16(plain, u16::to_be_bytes)),
        ("no line feed at the end", plain.trim_end().as_bytes().to_vec()),
        (
            "blank lines",
            b"\n\r\nid,name\n\n1,Zo\xc3\xab \xf0\x9f\x98\x80\r\n\r\n2,\"a,b\nc \"\"d\"\"\"\n\n\n"
                .to_vec(),
        ),
        ("CRLF", "id,name\r\n1,Zoë 😀\r\n2,\"a,b\nc \"\"d\"\"\"\r\n".into()),
        ("CR", "id,name\r1,Zoë 😀\r2,\"a,b\nc \"\"d\"\"\"\r".into()),
        ("semicolons", "id;name\n1;Zoë 😀\n2;\"a,b\nc \"\"d\"\"\"".into()),
        ("tabs", " id \t\"name\"\n1\tZoë 😀\n2\t\"a,b\nc \"\"d\"\"\"".into()),
        ("bars", "\"id\"|name\n1|Zoë 😀\n2|\"a,b\nc \"\"d\"\"\"".into()),
    ] {
        let all = whole(&file).unwrap_or_else(|why| panic!("{what}: {why}"));
        assert_eq!(all.header, ["id", "name"], "{what}");
        assert_eq!((all.rows, all.bytes), (2, file.len() as u64), "{what}");
        assert_eq!(rows(&all), table, "{what}");
        // Byte by byte as well: characters, line ends and quotes are cut everywhere.
        let bytes: Vec<&[u8]> = file.chunks(1).collect();
        assert_eq!(split(&bytes, Limits::default()).unwrap(), all, "{what}");
    }
    let header_only = whole("a,b\n").unwrap();
    assert_eq!((header_only.rows, header_only.parts.len()), (0, 0));
    // Short and long rows are for whoever reads the rows; a comma in a quoted name is no delimiter.
    assert_eq!(rows(&whole("\"a,b,c\";d\n1\n1;2;3\n").unwrap()), [vec!["1"], vec!["1", "2", "3"]]);
    assert_eq!(rows(&whole("a\n\"\"\nx\n").unwrap()), [[""], ["x"]]);
    assert_eq!(
        whole("a\n").unwrap().hash,
        "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    );
}

#[test]
fn bad_files_are_refused_with_the_place() {
    let columns = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let huge = "x".repeat(RECORD_BYTES_MAX);
    for (file, why) in [
        (Vec::new(), "the file is empty"),
        (b"\n\r\n".to_vec(), "the file is empty"),
        (b"\xef\xbb\xbf".to_vec(), "the file is empty"),
        (b"a,b\n1,2\n3,\xff4\n".to_vec(), "line 3 is not UTF-8"),
        (b"a,b\n1,\xc3".to_vec(), "line 2 is not UTF-8"),
        (b"\xff\xfea\0,\0b\0\n\0x".to_vec(), "line 2 is not UTF-8"),
        (b"a,b\n1,2\n3,\0\n".to_vec(), "line 3 contains a NUL"),
        (b"a\0,\0b\0\n\0".to_vec(), "line 1 contains a NUL"),
        (b"a,b,a\n".to_vec(), "`a` is there more than once: columns 1, 3"),
        (b"a, ,b,\"\"\n".to_vec(), "columns without a name: 2, 4"),
        (columns(501).into_bytes(), "501 columns; at most 500"),
        (b"a,b\n1,2\n\n3,\"x\n4,5\n".to_vec(), "opens in row 2 (it begins in line 4)"),
        (b"a,\"b\n1,2\n".to_vec(), "opens in the header"),
        (b"a,b\n1,\"".to_vec(), "opens in row 1"),
        (
            format!("a,b\n1,2\n3,\"{huge}\n").into_bytes(),
            "row 2 (it begins in line 3) has more than",
        ),
        (
            format!("a,b\n1,2\n3,{huge}\n4,5\n").into_bytes(),
            "row 2 (it begins in line 3) has more than",
        ),
        (huge.repeat(3).into_bytes(), "the header has more than"),
    ] {
        let wrong = whole(&file).unwrap_err().to_string();
        assert!(wrong.contains(why), "{wrong}\n{why}");
    }
    assert!(whole(columns(500)).is_ok());
    assert!(whole(format!("a,b\n1,{}\n", &huge[4..])).is_ok());
    let small = Limits { rows: 2, bytes: 12 };
    assert!(split(&[b"a\n1\n2\n"], small).is_ok());
    assert_eq!(split(&[b"a\n1\n2\n3"], small), Err(SplitError::TooManyRows { most: 2 }));
    assert_eq!(
        split(&[b"a\n111\n2", b"\n33333"], small),
        Err(SplitError::TooManyBytes { most: 12 })
    );
}

#[test]
fn parts_have_whole_records_and_say_where_they_begin() {
    let long = "y".repeat(100_000);
    let file = format!("a,b\n{}{}", "1,2\n".repeat(2_500), format!("{long},3\n").repeat(25));
    let all = whole(file).unwrap();
    let shape: Vec<_> = all.parts.iter().map(|p| (p.number, p.first_row, p.rows)).collect();
    assert_eq!(shape, [(0, 1, 1000), (1, 1001, 1000), (2, 2001, 510), (3, 2511, 10), (4, 2521, 5)]);
    assert!(all.parts.iter().all(|part| part.text.len() <= PART_BYTES_MAX));
}

#[test]
fn what_is_kept_meanwhile_is_bounded() {
    let mut splitter = Splitter::new(Limits::default());
    splitter.feed(b"a,b\n").unwrap();
    assert_eq!(splitter.header(), Some(&["a".to_owned(), "b".to_owned()][..]));
    assert_eq!(splitter.delimiter(), Some(','));
    let mut taken = 0;
    for _ in 0..16 {
        for part in
            splitter.feed("1,some text that is not short\n".repeat(40_000).as_bytes()).unwrap()
        {
            taken += part.rows;
        }
        assert!(splitter.text.capacity() <= 6 * RECORD_BYTES_MAX, "{}", splitter.text.capacity());
        assert!(splitter.part.text.capacity() <= 2 * PART_BYTES_MAX);
    }
    let end = splitter.finish().unwrap();
    assert_eq!(taken + end.parts.iter().map(|part| part.rows).sum::<i64>(), end.rows);
    assert_eq!(end.rows, 640_000);
}

proptest! {
    #[test]
    fn however_it_is_sliced_the_records_are_those_of_the_csv_crate(
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        body in "([ab1é😀 ,;\t|]|\"|\"\"|\n|\r\n|\r|(\"[a,;|\t\n\"]{0,4}\")){0,40}",
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let file = format!("k{delimiter}l{delimiter}m{delimiter}n\n{body}");
        let wanted = read(&file, delimiter as u8);
        let mut pieces = Vec::new();
        let (mut rest, mut cuts) = (file.as_bytes(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            pieces.push(piece);
            rest = others;
        }
        match split(&pieces, Limits::default()) {
            Ok(all) => {
                prop_assert_eq!(all.rows as usize, wanted.len() - 1);
                prop_assert_eq!(rows(&all), &wanted[1..]);
                prop_assert_eq!(all.parts.iter().map(|part| part.rows).sum::<i64>(), all.rows);
            }
            // Then another record begins only where the quote is closed.
            Err(SplitError::QuoteStaysOpen { row, .. }) => {
                prop_assert_eq!(row as usize, wanted.len() - 1);
                let closed = read(&format!("{file}\"\nx"), delimiter as u8);
                let open = read(&format!("{file}\nx"), delimiter as u8);
                prop_assert_eq!(closed.len(), open.len() + 1);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
