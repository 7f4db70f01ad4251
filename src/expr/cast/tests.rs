use crate::expr::testing::value;

#[test]
fn casts_between_numbers_are_javas() {
    for (text, expected) in [
        ("cast(300 as tinyint)", "44"),
        ("cast(9223372036854775807 as int)", "-1"),
        ("cast(1e20 as int)", "2147483647"),
        ("cast(1e20 as tinyint)", "-1"),
        ("cast(-2.9e0 as int)", "-2"),
        ("cast(2.9 as int)", "2"),
        ("cast(1.555 as decimal(10, 2))", "1.56"),
        ("cast(-1.555 as decimal(10, 2))", "-1.56"),
        ("cast(123456 as decimal(4, 2))", "NULL"),
        ("cast(1e300 as decimal(10, 2))", "NULL"),
        ("cast(0e0 / 0e0 as decimal(10, 2))", "error: can't cast NaN to decimal(10, 2)"),
        ("cast(true as decimal(3, 1))", "1.0"),
        ("cast(0.1 as float)", "0.1"),
        ("cast(cast(0.1 as float) as double)", "0.10000000149011612"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn casts_of_text_trim_and_fail_by_row() {
    for (text, expected) in [
        ("cast(' 42 ' as int)", "42"),
        ("try_cast('3.50' as int)", "3"),
        ("cast('.' as int)", "0"),
        ("cast('--5' as int)", "error: can't cast '--5' to int"),
        ("cast('' as double)", "error: can't cast '' to double"),
        ("cast('inf' as double)", "error: can't cast 'inf' to double"),
        ("cast('1.5f' as double)", "1.5"),
        ("cast('300' as tinyint)", "error: can't cast '300' to tinyint"),
        ("try_cast('300' as tinyint)", "NULL"),
        ("cast('12345' as decimal(4, 2))", "error: can't cast '12345' to decimal(4, 2)"),
        ("cast('yes' as boolean)", "TRUE"),
        ("cast(' true ' as boolean)", "error: can't cast ' true ' to boolean"),
        ("cast('2020-02-30' as date)", "error: can't cast '2020-02-30' to date"),
        ("cast('\u{1b}]0;x' as int)", "error: can't cast '\\x1b]0;x' to int"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn casts_of_collections_go_inside() {
    assert_eq!(value("cast(array['1', '2'] as array<int>)"), "[1, 2]");
    assert_eq!(value("cast(array['1', 'x'] as array<int>)"), "error: can't cast 'x' to int");
    assert_eq!(value("try_cast(array['1', 'x'] as array<int>)"), "[1, NULL]");
    assert_eq!(value("cast(map['a', array[1, null]] as string)"), "{a=[1, NULL]}");
}

#[test]
fn there_is_no_cast_between_some_types() {
    assert!(value("cast(1 as timestamp(3))").contains("to_timestamp_ltz(1, 3)"));
    assert!(value("cast(date '2020-01-01' as int)").starts_with("refused: there is no cast"));
    assert_eq!(value("cast(null as timestamp(3))"), "NULL");
}
