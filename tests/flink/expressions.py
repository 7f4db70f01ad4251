#!/usr/bin/env python3
"""Asks Flink for the type and value of each expression below and writes `expressions.json` beside this file.

    python3 -m venv venv && venv/bin/pip install apache-flink==2.3.0 && venv/bin/python tests/flink/expressions.py

With the names of groups as arguments it asks again for those alone.

The file holds the columns that the expressions read, and the expressions: {"expr", "type", "flink_type", "value"} or
{"expr", "type", "flink_type", "error"} (`type` is null when Flink refuses the expression while planning). `value` is
the text that Flink prints for it (null for NULL), `type` is our spelling of its type. Expressions with columns read one
row of COLUMNS, so that Flink computes them in its generated code at run time and not while planning. Its aggregates are
{"call", "of", "values", "type", "value"}: of the values, in this order, as a column `x` of the type `of`.
"""

import json
import pathlib
import re
import sys

from pyflink.table import EnvironmentSettings, TableEnvironment

COLUMNS = {
    "i": 'CAST(7 AS INT)',
    "zero": 'CAST(0 AS INT)',
    "ineg": 'CAST(-7 AS INT)',
    "inull": 'CAST(NULL AS INT)',
    "lmax": 'CAST(9223372036854775807 AS BIGINT)',
    "lmin": 'CAST(-9223372036854775808 AS BIGINT)',
    "imax": 'CAST(2147483647 AS INT)',
    "imin": 'CAST(-2147483648 AS INT)',
    "tmin": 'CAST(-128 AS TINYINT)',
    "tmax": 'CAST(127 AS TINYINT)',
    "s": 'CAST(300 AS SMALLINT)',
    "d": 'CAST(1.5 AS DECIMAL(10, 2))',
    "dneg": 'CAST(-1.5 AS DECIMAL(10, 2))',
    "dmax": "CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0))",
    "dzero": 'CAST(0 AS DECIMAL(10, 2))',
    "f": 'CAST(2.5 AS DOUBLE)',
    "fzero": 'CAST(0 AS DOUBLE)',
    "f32": 'CAST(2.5 AS FLOAT)',
    "str": "CAST('héllo World' AS STRING)",
    "snull": 'CAST(NULL AS STRING)',
    "sempty": "CAST('' AS STRING)",
    "spad": "CAST('  pad ' AS STRING)",
    "snum": "CAST('42' AS STRING)",
    "sabc": "CAST('abc' AS STRING)",
    "t": 'TRUE',
    "fa": 'FALSE',
    "bnull": 'CAST(NULL AS BOOLEAN)',
    "ts": "TIMESTAMP '2020-02-29 13:14:15.678'",
    "dt": "DATE '2020-02-29'",
    "tm": "TIME '13:14:15'",
    "sdec": "'3.99'",
    "s300": "'300'",
    "s1005": "'1.005'",
    "soff": "'off'",
    "sdate": "'2020-02-30'",
    "snope": "'nope'",
    "tenth": 'CAST(0.1 AS FLOAT)',
    "f1005": 'CAST(1.005 AS DOUBLE)',
    "dbig": 'CAST(123456.789 AS DECIMAL(9, 3))',
    "huge": 'CAST(1e300 AS DOUBLE)',
    "sz": "'straße'",
    "under": "'a_b'",
    "byt": "x'6869'",
    "arr": 'ARRAY[1, 2, 3]',
    "m": "MAP['a', 1, 'b', 2]",
    "snan": "'NaN'",
    "sbad": "'('",
    "dwhole": "CAST(155 AS DECIMAL(5, 0))",
    "dnines": "CAST(99995 AS DECIMAL(5, 0))",
    "js": """'{"a":1,"b":[1,2,{"c":"x"}],"d":null,"e":"t","f":1.50,"g":true}'""",
    "jbad": "'{bad'",
}

# What `$NAN` stands for below: of a constant Flink's planner fails.
NAN = "CAST(snan AS DOUBLE)"

GROUPS = {
    "literals": """
        1 ; 2147483647 ; 2147483648 ; 9223372036854775807 ; -9223372036854775808 ; 9223372036854775808 ; -2147483648
        1.5 ; 0.05 ; 1e3 ; 1.5e-3 ; 'it''s' ; TRUE ; DATE '2020-02-29' ; TIME '10:00:00'
        TIMESTAMP '2020-01-01 10:00:00' ; TIMESTAMP '2020-01-01 10:00:00.123' ; INTERVAL '4' SECOND ; INTERVAL '2' MONTH
        00012 ; 123456789012345678901234567890.12 ; x'0aff' ; INTERVAL '1' DAY ; DATE '2020-02-30' ; .5
    """,
    "integers": """
        1 + 1 ; i + 1 ; i - 10 ; i * 3 ; i / 2 ; ineg / 2 ; ineg % 3 ; i % 3 ; MOD(i, 3) ; i / zero ; i % zero ; lmax + 1 ; lmin - 1
        lmin / -1 ; lmin % -1 ; -lmin ; imax + 1 ; imin - 1 ; imax * 2 ; imin / -1 ; tmin - tmax ; tmax + tmax ; s * s ; tmin + s
        s + i ; i + lmax ; tmin * 2 ; ABS(imin) ; ABS(lmin) ; ABS(ineg) ; -i ; +i ; -tmin ; s / 7 ; inull + 1 ; inull / zero ; 7 / 2
        i / lmax ; lmax * lmax ; SIGN(ineg) ; SIGN(i)
    """,
    "decimals": """
        d + 1 ; d + d ; d - 0.125 ; d * d ; d / 3 ; d / d ; i / 3.0 ; d % 1 ; i * 1.5 ; i * 0.908 ; lmax * 0.908 ; d * 2.5e0 ; d + f
        d / dzero ; d % dzero ; dmax + dmax ; dmax * 10 ; dmax + 1 ; dmax / 3 ; dmax * 0.1 ; -d ; ABS(dneg) ; d > 1 ; d = 1.50
        CAST(1 AS DECIMAL(38, 20)) * CAST(1 AS DECIMAL(38, 20)) ; CAST(1 AS DECIMAL(38, 10)) / CAST(3 AS DECIMAL(38, 10))
        CAST(1 AS DECIMAL(20, 10)) / CAST(3 AS DECIMAL(20, 10)) ; CAST(1 AS DECIMAL(38, 37)) + CAST(1 AS DECIMAL(38, 0))
        d + tmin ; d * s ; lmax + 0.5 ; 1.5 + 2 ; 10.0 / 3 ; 1 / 3.0 ; 1.10 * 1.10 ; 7.5 % 2 ; dneg % 1 ; d / i ; i / d ; SIGN(dneg)
        i % 2.5 ; d * f32 ; CAST(2 AS DECIMAL(38, 18)) * 3
    """,
    "floats": """
        f / 0 ; f / fzero ; -f / fzero ; fzero / fzero ; f % 2 ; f % fzero ; f * 2 ; f + i ; f32 + 1 ; f32 * f32 ; f32 + f ; f32 / 2
        f32 + d ; f > 2 ; f = 2.5 ; f32 = 2.5 ; 1e0 / 3 ; 1e21 * 1 ; 1e-5 * 1 ; 1e7 * 1 ; 123456.789e0 * 1 ; f32 / 3 ; lmax + f
        -f ; ABS(-f) ; i / f
    """,
    "comparison": """
        i = 7 ; i <> 7 ; i < 7.5 ; i >= f ; inull = 1 ; inull <> 1 ; inull IS NULL ; inull IS NOT NULL ; i IS DISTINCT FROM inull
        inull IS NOT DISTINCT FROM CAST(NULL AS INT) ; i BETWEEN 1 AND 7 ; i NOT BETWEEN 1 AND 7 ; i BETWEEN inull AND 3
        i BETWEEN inull AND 10 ; i IN (1, 7) ; i IN (1, 2) ; i NOT IN (1, 2) ; str = 'abc' ; str > 'a' ; snum = 42 ; snum > 5
        ts > '2020-01-01 00:00:00' ; ts = '2020-02-29 13:14:15.678' ; dt = '2020-02-29' ; ts > dt ; dt < TIMESTAMP '2020-03-01 00:00:00'
        tm = '13:14:15' ; t = TRUE ; t > fa ; snum = i ; sabc = i ; i IN (1.5, 7.0) ; str IN ('x', 'héllo World')
        inull IN (1, 2) ; i IN (1, inull) ; ts BETWEEN '2020-01-01 00:00:00' AND '2021-01-01 00:00:00' ; 'a' = 'a ' ; t = 'true'
    """,
    "logic": """
        t AND bnull ; fa AND bnull ; t OR bnull ; fa OR bnull ; NOT bnull ; NOT t ; bnull IS TRUE ; bnull IS NOT TRUE ; bnull IS FALSE
        bnull IS NOT FALSE ; bnull IS UNKNOWN ; bnull IS NOT UNKNOWN ; t IS TRUE ; fa IS FALSE ; zero <> 0 AND i / zero > 1
        zero = 0 OR i / zero > 1
    """,
    "conditional": """
        CASE WHEN zero <> 0 THEN i / zero ELSE 0 END ; CASE i WHEN 7 THEN 'seven' WHEN 8 THEN 'eight' END ; CASE i WHEN 1 THEN 1 END
        CASE WHEN t THEN 1 ELSE 2.5 END ; CASE WHEN fa THEN 1 WHEN t THEN CAST(2 AS BIGINT) END ; CASE WHEN t THEN NULL ELSE 1 END
        COALESCE(inull, 3) ; COALESCE(inull, lmax) ; COALESCE(inull, 1.5) ; COALESCE(i, i / zero) ; IFNULL(inull, 9) ; IFNULL(i, 9)
        NULLIF(i, 7) ; NULLIF(i, 8) ; IF(i > 5, 'big', 'small') ; IF(bnull, 1, 2) ; GREATEST(1, 2, 3) ; GREATEST(i, inull)
        LEAST(1, 2, -3) ; GREATEST(1, 2.5) ; LEAST('a', 'b') ; COALESCE(snull, 'x') ; IF(t, 1, 2.5)
    """,
    "casts": """
        CAST(300 AS TINYINT) ; CAST(lmax AS INT) ; CAST(lmax AS TINYINT) ; CAST(lmin AS SMALLINT) ; CAST(i AS BIGINT) ; CAST(i AS DOUBLE)
        CAST(f AS INT) ; CAST(-f AS INT) ; CAST(1e20 AS INT) ; CAST(1e20 AS BIGINT) ; CAST(f / fzero AS INT) ; CAST(fzero / fzero AS INT)
        CAST(1e20 AS TINYINT) ; CAST(300.7e0 AS TINYINT) ; CAST(d AS INT) ; CAST(dneg AS INT) ; CAST(dmax AS BIGINT) ; CAST(dmax AS INT) ; CAST(d AS DOUBLE)
        CAST(i AS DECIMAL(10, 2)) ; CAST(1.555 AS DECIMAL(10, 2)) ; CAST(-1.555 AS DECIMAL(10, 2))
        CAST(1.545 AS DECIMAL(10, 2)) ; CAST(f AS DECIMAL(10, 0)) ; CAST(fzero / fzero AS DECIMAL(5, 2))
        CAST('42' AS INT) ; CAST(' 42 ' AS INT) ; CAST('4.2' AS INT) ; CAST('-3.99' AS INT) ; CAST('abc' AS INT) ; CAST('' AS INT) ; CAST('99999999999' AS INT)
        CAST('+5' AS INT) ; CAST('1e3' AS INT) ; CAST('1e3' AS DOUBLE) ; CAST(' 1.5 ' AS DOUBLE) ; CAST('NaN' AS DOUBLE) ; CAST('Infinity' AS DOUBLE)
        CAST('x' AS DOUBLE) ; CAST('1.5f' AS DOUBLE) ; CAST('1.555' AS DECIMAL(5, 2)) ; CAST('1e2' AS DECIMAL(5, 2))
        TRY_CAST('3.50' AS INT) ; TRY_CAST('x' AS INT) ; TRY_CAST('' AS DOUBLE) ; TRY_CAST('300' AS TINYINT) ; CAST('300' AS TINYINT) ; CAST('5.' AS INT) ; CAST('.5' AS INT)
        CAST(i AS STRING) ; CAST(f AS STRING) ; CAST(1e21 AS STRING) ; CAST(1e-5 AS STRING) ; CAST(100e0 AS STRING) ; CAST(12345678.9e0 AS STRING) ; CAST(0.001e0 AS STRING)
        CAST(f32 AS STRING) ; CAST(CAST(0.1 AS FLOAT) AS STRING) ; CAST(d AS STRING) ; CAST(1.50 AS STRING) ; CAST(0.00000001 AS STRING) ; CAST(t AS STRING)
        CAST(fa AS STRING) ; CAST(ts AS STRING) ; CAST(dt AS STRING) ; CAST(tm AS STRING) ; CAST(f / fzero AS STRING) ; CAST(fzero / fzero AS STRING) ; CAST(-fzero AS STRING)
        CAST('true' AS BOOLEAN) ; CAST('T' AS BOOLEAN) ; CAST('yes' AS BOOLEAN) ; CAST('1' AS BOOLEAN) ; CAST('0' AS BOOLEAN) ; CAST('off' AS BOOLEAN) ; CAST(' true ' AS BOOLEAN) ; CAST('maybe' AS BOOLEAN)
        CAST(t AS INT) ; CAST(fa AS BIGINT) ; CAST(t AS DOUBLE) ; CAST(t AS DECIMAL(3, 1)) ; CAST(i AS BOOLEAN) ; CAST(zero AS BOOLEAN) ; CAST(f AS BOOLEAN) ; CAST(d AS BOOLEAN)
        CAST('2020-02-29' AS DATE) ; CAST('2020-02-30' AS DATE) ; CAST('2020-2-9' AS DATE) ; CAST('2020-02-29 10:11:12' AS DATE) ; CAST('2020-02-29 10:11:12.345' AS TIMESTAMP(3)) ; CAST('2020-02-29T10:11:12' AS TIMESTAMP(3))
        CAST('2020-02-29' AS TIMESTAMP(3)) ; CAST('2020-02-29 1:2' AS TIMESTAMP(3)) ; CAST('x' AS TIMESTAMP(3)) ; CAST('2020-02-29 10:11:12.3456789' AS TIMESTAMP(3)) ; CAST('10:11:12' AS TIME) ; CAST('10:11' AS TIME) ; CAST('25:00:00' AS TIME)
        CAST(ts AS DATE) ; CAST(ts AS TIME) ; CAST(dt AS TIMESTAMP(3)) ; CAST(tm AS TIMESTAMP(3)) ; CAST(ts AS TIMESTAMP_LTZ(3)) ; CAST(CAST(ts AS TIMESTAMP_LTZ(3)) AS STRING) ; CAST(i AS TIMESTAMP(3)) ; CAST(ts AS BIGINT)
        CAST(x'6869' AS STRING) ; CAST('hi' AS BYTES) ; CAST(INTERVAL '4' SECOND AS STRING) ; CAST(INTERVAL '14' MONTH AS STRING) ; CAST(INTERVAL '4' SECOND AS BIGINT) ; CAST(INTERVAL '-4' SECOND AS STRING)
        CAST(arr AS STRING) ; CAST(m AS STRING) ; CAST(ROW(1, 'a') AS STRING) ; CAST(ARRAY['1', '2'] AS ARRAY<INT>) ; CAST(arr AS ARRAY<STRING>) ; CAST('9999-12-31' AS DATE) ; CAST('-0001-01-01' AS DATE)
        TRY_CAST('2020-02-30' AS DATE) ; CAST(lmin AS STRING) ; CAST(lmax AS DOUBLE) ; CAST(lmax AS FLOAT) ; CAST(d AS FLOAT) ; CAST(1e300 AS FLOAT) ; CAST(CAST(1e300 AS FLOAT) AS INT)
    """,
    "casts_of_columns": """
        CAST(sabc AS DECIMAL(4, 2)) ; CAST(snum AS DECIMAL(4, 2)) ; CAST(s1005 AS DECIMAL(4, 2)) ; CAST(dbig AS DECIMAL(4, 2)) ; CAST(i AS DECIMAL(4, 3)) ; CAST(imax AS DECIMAL(4, 0)) ; CAST(huge AS DECIMAL(10, 2))
        CAST(f1005 AS DECIMAL(10, 2)) ; CAST(tenth AS DECIMAL(20, 15)) ; CAST(tenth AS DOUBLE) ; CAST(huge AS FLOAT) ; CAST(sabc AS INT) ; CAST(sempty AS INT) ; CAST(spad AS INT) ; CAST(sdec AS INT) ; CAST(s300 AS TINYINT) ; TRY_CAST(s300 AS TINYINT)
        CAST(soff AS BOOLEAN) ; TRY_CAST(soff AS BOOLEAN) ; CAST(sdate AS DATE) ; TRY_CAST(sdate AS DATE) ; CAST(snope AS TIMESTAMP(3)) ; CAST(snope AS TIME) ; CAST(sabc AS DOUBLE) ; CAST(snull AS INT) ; CAST(inull AS STRING) ; CAST(tenth AS STRING)
        CAST(s300 AS BIGINT) + 1 ; CAST(sabc AS BYTES) ; CAST(byt AS STRING) ; CAST(dbig AS STRING) ; CAST(dbig AS TINYINT) ; CAST(t AS TINYINT) ; CAST(f32 AS INT) ; CAST(huge AS BIGINT) ; CAST(-huge AS BIGINT) ; CAST(-huge AS SMALLINT)
        CAST(DATE '0001-01-01' AS STRING) ; CAST(dt AS TIME) ; CAST(tm AS DATE) ; CAST(dt AS INT) ; CAST(i AS DATE) ; CAST(t AS TIMESTAMP(3)) ; CAST(dt AS BOOLEAN) ; CAST(i AS BYTES) ; CAST(fzero / fzero AS FLOAT) ; CAST(fzero AS BOOLEAN)
        CAST('2020-02-29 10:11' AS TIMESTAMP(3)) ; CAST('2020-2-9 1:02:03' AS TIMESTAMP(3)) ; CAST('2020-02-29 10:11:12Z' AS TIMESTAMP(3)) ; CAST('  2020-02-29' AS DATE) ; CAST('2020' AS DATE) ; CAST('2020-02' AS DATE) ; CAST('1:2:3' AS TIME) ; CAST('10' AS TIME) ; CAST('10:11:12.345' AS TIME)
        CAST('2020-02-29 10:11:12' AS TIMESTAMP_LTZ(3)) ; CAST('0x10' AS INT) ; CAST('--5' AS INT) ; CAST('1.2.3' AS INT) ; CAST('+' AS INT) ; CAST('.' AS INT) ; CAST('9223372036854775807' AS BIGINT) ; CAST('9223372036854775808' AS BIGINT) ; CAST('-9223372036854775808' AS BIGINT) ; CAST('1e400' AS DOUBLE) ; CAST('inf' AS DOUBLE)
    """,
    "corners": """
        f + f32 ; lmax + f32 ; f32 > f ; i = '7' ; i > '7' ; '7' = i ; f > '1' ; d > '1' ; lmax = '5' ; i IN ('7', '8') ; i BETWEEN '1' AND '9' ; f = '2.5' ; t = 'TRUE' ; COALESCE(inull, 'x') ; COALESCE(i, 'x') ; CASE WHEN t THEN 1 ELSE 'x' END ; NULLIF(i, '7') ; str = 5 ; ARRAY[1, 'x'] ; CONCAT(str, i) ; CONCAT('a', 1) ; UPPER(i) ; CHAR_LENGTH(i) ; ABS('5') ; snum + 1 ; '1' + 1 ; snum * 2 ; t + 1 ; ts + 1 ; dt + 1 ; dt - dt ; ts - ts ; ts = dt ; NOT i ; i AND t ; LOWER(NULL) ; NULL + 1 ; NULL = 1 ; i % lmax ; lmax % i ; s % tmin ; tmin % s
        00.50 ; 0.0 ; 12.300 ; 1.5 = 1.50 ; d % f ; MOD(f, 2) ; fzero = -fzero ; fzero / fzero = fzero / fzero ; fzero / fzero > 1 ; fzero / fzero IS NOT DISTINCT FROM fzero / fzero ; GREATEST(f, i) ; GREATEST(snull, 'a') ; GREATEST(ts, ts) ; GREATEST(1, 'a') ; LEAST(fzero / fzero, f) ; POWER(d, 2) ; EXP(d) ; MOD(d, 0) ; ROUND(d, 5) ; ROUND(d, i) ; ROUND(f, -1) ; ROUND(imax, -1) ; TRUNCATE(i, -1) ; TRUNCATE(lmax, -2) ; ROUND(-25, -1) ; ROUND(f32, 0) ; ROUND(f1005, 2) ; TRUNCATE(f32, 1) ; LOG(f) ; LOG(2, f) ; LOG2(i) ; SQRT(f32) ; CEIL(f32) ; CEIL(s) ; SIGN(f32) ; SIGN(tmin) ; BIN(i) ; HEX(sz) ; HEX(lmin)
        UPPER(sz) ; INITCAP(sz) ; UPPER(str) ; LPAD(str, -1, 'x') ; LPAD(str, 20, '') ; LPAD(str, 3, '') ; RPAD(str, 13, 'xy') ; RPAD(str, 20, '') ; SPLIT_INDEX(str, ' ', 1) ; SPLIT_INDEX(str, '', 1) ; SPLIT_INDEX(sabc, 'b', 1) ; CHR(inull) ; CHR(0) ; CHR(256) ; CHR(200) ; ASCII(snull) ; OVERLAY(str PLACING 'X' FROM 2 FOR 3) ; OVERLAY(str PLACING 'XYZ' FROM 2) ; OVERLAY(str PLACING 'X' FROM 20) ; OVERLAY(str PLACING 'X' FROM -1) ; INSTR(str, 'l', 5) ; INSTR(str, 'l', 1, 2) ; REGEXP_REPLACE(str, '(', 'x') ; REGEXP_EXTRACT(str, '(', 1) ; REGEXP_EXTRACT(str, 'l+') ; REGEXP_EXTRACT(str, 'l+', -1) ; REGEXP_REPLACE(str, 'l', snull) ; REGEXP(str, sempty) ; REGEXP(sempty, 'a') ; REGEXP(snull, 'a') ; REPLACE(str, sempty, 'x') ; TRANSLATE(str, 'lo', 'x') ; REPEAT(str, 2) ; STARTSWITH(str, sempty) ; ENDSWITH(snull, 'x') ; LEFT(snull, 1) ; SUBSTRING(str, 5, 100) ; SUBSTRING(str, 1) ; SUBSTRING(str, 2147483647) ; CONCAT_WS('-', snull, snull) ; CONCAT_WS('-', 'a') ; CONCAT_WS('', 'a', 'b') ; LTRIM(spad, ' p') ; TRIM(BOTH 'h' FROM str) ; TRIM(LEADING 'h' FROM str) ; TRIM('x') ; LTRIM(str, sempty) ; FROM_BASE64('!!') ; FROM_BASE64(snull) ; under LIKE 'a!_b' ESCAPE '!' ; under LIKE 'a!b' ESCAPE '!' ; under LIKE 'a_b!' ESCAPE '!' ; under LIKE '%' ; sempty LIKE '%' ; sempty LIKE '' ; 'a%b' LIKE 'a!%b' ESCAPE '!' ; CHAR_LENGTH('𝄞') ; SUBSTRING('a𝄞b', 2, 1) ; REVERSE('a𝄞b') ; LEFT('𝄞b', 1)
        TO_TIMESTAMP(snope) ; TO_TIMESTAMP('2020-02-29 10:11') ; TO_TIMESTAMP('2020-02-29T10:11:12') ; TO_TIMESTAMP('2020-02-29 10:11:12.3456') ; TO_TIMESTAMP('2020-13-01 00:00:00') ; TO_TIMESTAMP('2020-02-32 00:00:00') ; TO_TIMESTAMP('2020-02-29 24:00:00') ; TO_TIMESTAMP('20200229101112', 'yyyyMMddHHmmss') ; TO_TIMESTAMP('Feb 29 2020', 'MMM dd yyyy') ; TO_TIMESTAMP('29/2/20', 'd/M/yy') ; TO_TIMESTAMP('10:11', 'HH:mm') ; TO_TIMESTAMP('2020-02-29 10:11:12 PM', 'yyyy-MM-dd hh:mm:ss a') ; TO_TIMESTAMP('2020-02-29', 'xx') ; TO_DATE('2020-2-9') ; TO_DATE('2020-02-29 10:00:00') ; TO_DATE('20200229', 'yyyyMMdd') ; TO_DATE('2020-02', 'yyyy-MM') ; DATE_FORMAT(ts, 'xx') ; DATE_FORMAT(ts, 'q') ; DATE_FORMAT(ts, 'yyyy-''W''ww') ; DATE_FORMAT(ts, 'S') ; DATE_FORMAT(ts, 'SSSSSS') ; DATE_FORMAT(ts, 'M/d/y H:m:s') ; DATE_FORMAT(ts, 'k K h') ; DATE_FORMAT(ts, 'u e') ; DATE_FORMAT(dt, 'yyyy-MM-dd') ; DATE_FORMAT(snope, 'yyyy') ; DATE_FORMAT(ts, snull) ; DATE_FORMAT(ts, 'MMMM Q') ; DATE_FORMAT(TIMESTAMP '0099-01-01 00:00:00', 'yyyy yy') ; DATE_FORMAT(ts, 'G') ; DATE_FORMAT(ts, 'yyyy[')
        FROM_UNIXTIME(lmax) ; FROM_UNIXTIME(-1) ; FROM_UNIXTIME(i) ; UNIX_TIMESTAMP('2020-02-29') ; UNIX_TIMESTAMP('2020-02-30 00:00:00') ; UNIX_TIMESTAMP(snope) ; TO_TIMESTAMP_LTZ(i, 3) ; TO_TIMESTAMP_LTZ(i, 1) ; TO_TIMESTAMP_LTZ(lmax, 0) ; TO_TIMESTAMP_LTZ(253402300800000, 3) ; TO_TIMESTAMP_LTZ(253402300799999, 3) ; TO_TIMESTAMP_LTZ(-62135596800001, 3) ; TO_TIMESTAMP_LTZ(d, 0) ; TO_TIMESTAMP_LTZ(snope) ; TO_TIMESTAMP_LTZ('2020-02-29', 'yyyy-MM-dd') ; EXTRACT(WEEK FROM DATE '2021-01-03') ; EXTRACT(DOW FROM DATE '2020-03-01') ; EXTRACT(MILLENNIUM FROM dt) ; EXTRACT(EPOCH FROM dt) ; EXTRACT(SECOND FROM tm) ; EXTRACT(MICROSECOND FROM ts) ; EXTRACT(HOUR FROM dt) ; EXTRACT(YEAR FROM tm) ; EXTRACT(DAY FROM INTERVAL '26' HOUR) ; EXTRACT(YEAR FROM DATE '0001-01-01') ; EXTRACT(CENTURY FROM DATE '2000-01-01') ; EXTRACT(DECADE FROM DATE '1999-12-31') ; WEEK(DATE '2018-12-31') ; DAYOFWEEK(DATE '2020-03-01') ; QUARTER(DATE '2020-04-01') ; HOUR(tm) ; SECOND(tm)
        TIMESTAMPDIFF(DAY, ts, TIMESTAMP '2020-03-01 00:00:00') ; TIMESTAMPDIFF(MONTH, ts, TIMESTAMP '2020-03-29 00:00:00') ; TIMESTAMPDIFF(YEAR, ts, TIMESTAMP '2021-02-28 23:00:00') ; TIMESTAMPDIFF(SECOND, dt, ts) ; TIMESTAMPDIFF(HOUR, dt, ts) ; TIMESTAMPDIFF(MONTH, DATE '2020-03-31', DATE '2020-02-29') ; TIMESTAMPDIFF(SECOND, DATE '0001-01-01', DATE '9999-12-31') ; TIMESTAMPDIFF(DAY, TO_TIMESTAMP_LTZ(0, 3), ts) ; TIMESTAMPADD(MINUTE, i, ts) ; TIMESTAMPADD(DAY, 1, tm) ; TIMESTAMPADD(HOUR, 1, tm) ; TIMESTAMPADD(MONTH, inull, ts) ; TIMESTAMPADD(SECOND, 1, TO_TIMESTAMP_LTZ(0, 3)) ; ts + INTERVAL '1' YEAR ; ts + INTERVAL '1-2' YEAR TO MONTH ; ts - INTERVAL '1 02:03:04.005' DAY TO SECOND ; dt - INTERVAL '1' HOUR ; tm - INTERVAL '14' HOUR ; tm + INTERVAL '1' DAY ; INTERVAL '1' DAY > INTERVAL '23' HOUR ; INTERVAL '1' DAY / 2 ; INTERVAL '1' DAY * f ; INTERVAL '5' MONTH / 2 ; INTERVAL '1' MONTH + INTERVAL '1' DAY ; TIMESTAMP '2020-03-31 00:00:00' - INTERVAL '1' MONTH ; INTERVAL '1' DAY * 1.5 ; INTERVAL '1' MONTH * 1.5 ; i * INTERVAL '1' SECOND
        FLOOR(ts TO MINUTE) ; FLOOR(ts TO SECOND) ; FLOOR(ts TO YEAR) ; CEIL(ts TO HOUR) ; CEIL(dt TO MONTH) ; CEIL(DATE '2020-02-01' TO MONTH) ; FLOOR(dt TO WEEK) ; CEIL(dt TO WEEK) ; FLOOR(tm TO HOUR) ; CEIL(ts TO QUARTER) ; FLOOR(dt TO DAY) ; CEIL(ts TO WEEK) ; FLOOR(TO_TIMESTAMP_LTZ(5000000, 3) TO HOUR) ; FLOOR(ts TO DECADE) ; FLOOR(ts TO CENTURY) ; FLOOR(ts TO MILLISECOND)
        ARRAY[i, inull][1] ; ARRAY[i, inull][2] ; ARRAY[i, inull][5] ; ARRAY[i, inull][zero] ; ARRAY[i, inull][ineg] ; MAP['a', inull, 'b', i]['b'] ; MAP['a', inull]['q'] ; CARDINALITY(CAST(NULL AS ARRAY<INT>)) ; ELEMENT(ARRAY[inull]) ; ARRAY_POSITION(arr, 9) ; ARRAY_POSITION(arr, inull) ; ARRAY_MAX(ARRAY[i, inull]) ; ARRAY_APPEND(arr, inull) ; ARRAY_REMOVE(arr, inull) ; ARRAY_CONTAINS(ARRAY[i, inull], inull) ; ARRAY_CONCAT(arr) ; ARRAY_SLICE(arr, 0) ; ARRAY_SLICE(arr, 2) ; ARRAY_SLICE(arr, 3, 2) ; ARRAY_SLICE(arr, -2, -1) ; ARRAY_SLICE(arr, 1, 100) ; ARRAY_JOIN(ARRAY['a', snull, 'b'], '-') ; ARRAY_DISTINCT(ARRAY[i, inull, inull, i]) ; ARRAY_SORT(ARRAY[i, inull, zero], FALSE) ; ARRAY_SORT(ARRAY[i, inull, zero], TRUE, FALSE) ; ARRAY_UNION(arr, ARRAY[inull]) ; ARRAY_REVERSE(ARRAY['a', snull]) ; ARRAY_JOIN(arr, '-') ; arr = ARRAY[1, 2, 3] ; arr <> ARRAY[1] ; ROW(1, 'a') = ROW(1, 'a') ; MAP['a', 1] = MAP['a', 1] ; arr IS NULL ; ARRAY[ARRAY[1], ARRAY[2, 3]] ; ARRAY_EXCEPT(arr, arr) ; CARDINALITY(SPLIT(str, ' ')) ; ARRAY[1, 2][1] ; ROW(i, str) ; MAP['a', 1, 'a', 2] ; (ROW(i, str)).EXPR$0 ; SPLIT(str, 'l') ; SPLIT(snull, ',') ; SPLIT('a,b,', ',') ; SPLIT('abc', '')
    """,
    "more": """
        CAST('2020-02-30 00:00:00' AS TIMESTAMP(3)) ; CAST(s300 AS DECIMAL(4, 2)) ; CAST(sdate AS TIMESTAMP(3)) ; TIMESTAMPDIFF(MONTH, TIMESTAMP '2020-02-01 12:00:00', TIMESTAMP '2020-01-01 00:00:00') ; TIMESTAMPDIFF(MONTH, ts, TIMESTAMP '2020-01-29 20:00:00') ; i + d + f ; d * f * i ; INTERVAL '1' DAY * tmin ; TIMESTAMPADD(MONTH, 1, tm) ; EXTRACT(MONTH FROM INTERVAL '14' MONTH) ; EXTRACT(YEAR FROM INTERVAL '14' MONTH) ; EXTRACT(SECOND FROM INTERVAL '-5' SECOND) ; COALESCE(1.5, 2) ; f32 IN (2.5) ; str LIKE sabc ; GREATEST(d, i) ; NULLIF(1, 1.0) ; NULLIF(i, 7.0)
        ts = '2020-02-29 13:14:15.678000' ; dt BETWEEN '2020-01-01' AND '2020-12-31' ; tm > '10:00:00' ; str BETWEEN 'a' AND 'z' ; CAST(NULL AS INT) + 1 ; IF(t, CAST(NULL AS INT), 1) ; d = f ; lmax = 9223372036854775807 ; lmax = f ; lmax > 9.3e18 ; lmax - 1 = CAST(lmax AS DOUBLE) ; lmax = CAST(lmax AS FLOAT) ; i = d ; d IN (1.5, 2) ; CAST(d AS DECIMAL(3, 1)) ; i NOT IN (1, inull) ; i IN (7, inull) ; dmax > 1.5 ; dmax = dmax ; dmax > lmax ; dmax * dmax ; dmax - 1 ; d / 0.3 ; dbig / d ; dbig * d ; dbig % d ; lmax / 3.0 ; lmax % 2.5 ; s / d ; 1.0 / 3.0 ; -d / 3 ; 2.5 / 5 ; d - i ; dzero / d ; dneg / 3 ; 10 / 4.0
        ROUND(dneg, 1) ; ROUND(dbig, -2) ; ROUND(-2.5e0) ; ROUND(0.5e0) ; ROUND(1e20) ; ROUND(fzero / fzero) ; CEIL(-0.5e0) ; FLOOR(dbig) ; POWER(f, -1) ; POWER(fzero, fzero) ; POWER(-8e0, 1e0 / 3) ; LOG(-1) ; LOG(0, 5) ; ATAN2(fzero, fzero) ; ASIN(2) ; LOG10(fzero) ; EXP(1000) ; MOD(-7, 3) ; MOD(7, -3) ; ABS(CAST(NULL AS INT)) ; SIGN(fzero) ; SIGN(-f) ; HEX(tmin) ; BIN(lmin) ; BIN(0)
        SUBSTRING(str, inull) ; SUBSTRING(str, 1, inull) ; SUBSTRING(str, 3, 2147483647) ; SUBSTRING(sempty, 1) ; SUBSTRING(str, -11) ; SUBSTRING(str, -12) ; RIGHT(str, 100) ; RIGHT(str, -1) ; LEFT(sempty, 3) ; CONCAT(snull, snull) ; CONCAT(str, sempty) ; REPEAT(snull, 2) ; REVERSE(sempty) ; POSITION(snull IN str) ; POSITION('World' IN str) ; LOCATE('l', str, 100) ; LOCATE('l', str, -1) ; LOCATE('', str, 5) ; INSTR(str, 'z') ; INSTR(str, '') ; INSTR(str, 'l', 4) ; SPLIT_INDEX(str, 'l', 0) ; SPLIT_INDEX(str, 'l', 1) ; SPLIT_INDEX(str, 'zz', 0) ; SPLIT_INDEX(snull, ',', 0) ; OVERLAY(str PLACING '' FROM 1 FOR 3) ; OVERLAY(str PLACING 'X' FROM 11) ; OVERLAY(str PLACING 'X' FROM 12) ; OVERLAY(str PLACING 'X' FROM 2 FOR 100) ; OVERLAY(str PLACING 'X' FROM 2 FOR 0) ; OVERLAY(str PLACING 'X' FROM 3 FOR -1) ; RPAD(str, 0, 'x') ; LPAD(snull, 3, 'x') ; TRANSLATE(str, 'l', '') ; TRANSLATE(str, '', 'x') ; TRANSLATE(str, 'll', 'ab') ; INITCAP('a1b c_d') ; URL_DECODE('%zz') ; URL_DECODE('%') ; URL_ENCODE('é/*~') ; TO_BASE64('é') ; FROM_BASE64('YQ') ; STARTSWITH('', '') ; REGEXP_COUNT('aaa', 'aa') ; REGEXP_INSTR('abc', 'z') ; REGEXP_SUBSTR('abc', 'z') ; REGEXP_REPLACE('aaa', 'a*', 'x') ; REGEXP_EXTRACT('abc', '(x)?b', 1) ; REGEXP('A', '(?i)a') ; TRIM(TRAILING 'd' FROM str) ; BTRIM('xyx', 'yx')
        DATE_FORMAT(ts, 'dd.MM.yyyy') ; DATE_FORMAT(ts, 'h:mm a') ; DATE_FORMAT(TIMESTAMP '2020-01-01 00:05:00', 'h K k H') ; TO_DATE('2020-02-30', 'yyyy-MM-dd') ; TO_DATE('x', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02-29 1:2:3') ; TO_TIMESTAMP('') ; TO_TIMESTAMP(snull) ; FROM_UNIXTIME(1582971072) ; FROM_UNIXTIME(0, 'HH:mm') ; UNIX_TIMESTAMP('1970-01-01 00:00:01.9') ; TO_TIMESTAMP_LTZ(f, 3) ; TO_TIMESTAMP_LTZ(-1, 3) ; TO_TIMESTAMP_LTZ(1, 9) ; TIMESTAMPADD(DAY, 31, DATE '2020-01-31') ; TIMESTAMPADD(MONTH, -1, DATE '2020-03-31') ; TIMESTAMPADD(YEAR, -1, ts) ; TIMESTAMPDIFF(YEAR, DATE '2000-02-29', DATE '2001-02-28') ; TIMESTAMPDIFF(SECOND, ts, dt) ; TIMESTAMPDIFF(MINUTE, dt, dt) ; DATE '2020-03-31' - INTERVAL '1' MONTH ; ts - INTERVAL '500' MONTH(3) ; FLOOR(DATE '2020-12-31' TO QUARTER) ; CEIL(DATE '2020-12-31' TO YEAR) ; CEIL(TIMESTAMP '2020-01-01 00:00:00' TO YEAR) ; EXTRACT(WEEK FROM DATE '2021-01-01') ; EXTRACT(ISOYEAR FROM DATE '2021-01-01') ; EXTRACT(DOY FROM DATE '2020-12-31')
        CASE WHEN bnull THEN 1 ELSE 2 END ; CASE inull WHEN 1 THEN 'a' ELSE 'b' END ; CASE WHEN t THEN f ELSE i END ; CASE WHEN t THEN dt END ; CASE WHEN t THEN str ELSE snull END ; CASE WHEN fa THEN 1 END ; CASE i WHEN 7 THEN d WHEN 8 THEN i ELSE lmax END ; IF(fa, i, lmax) ; COALESCE(snull, str, 'z') ; COALESCE(inull, inull) ; IFNULL(dneg, 0) ; GREATEST(dt, DATE '2021-01-01') ; LEAST(i, 2.5, lmax) ; LEAST(str, 'z') ; GREATEST(tmin, s)
    """,
    "strings": """
        CHAR_LENGTH(str) ; CHARACTER_LENGTH(str) ; UPPER(str) ; LOWER(str) ; TRIM(spad) ; LTRIM(spad) ; RTRIM(spad) ; BTRIM(spad) ; LTRIM('xxa', 'x') ; RTRIM('axy', 'yx') ; BTRIM('xax', 'x')
        SUBSTRING(str, 2) ; SUBSTRING(str, 2, 3) ; SUBSTRING(str, 0) ; SUBSTRING(str, 0, 3) ; SUBSTRING(str, -3) ; SUBSTRING(str, -3, 2) ; SUBSTRING(str, 20) ; SUBSTRING(str, 2, 0) ; SUBSTRING(str, 2, -1) ; SUBSTR(str, 2, 3) ; SUBSTRING(str, -20, 5)
        CONCAT('a', 'b', 'c') ; CONCAT('a', snull) ; CONCAT_WS('-', 'a', 'b') ; CONCAT_WS('-', 'a', snull, 'b') ; CONCAT_WS(snull, 'a') ; 'a' || 'b' ; str || snull ; str || i
        REPLACE(str, 'l', 'L') ; REPLACE('aaa', '', 'x') ; POSITION('l' IN str) ; LOCATE('l', str) ; LOCATE('l', str, 5) ; INSTR(str, 'l') ; LOCATE('', str) ; LOCATE('z', str) ; LOCATE('l', str, 0)
        LEFT(str, 2) ; LEFT(str, -1) ; LEFT(str, 100) ; RIGHT(str, 2) ; RIGHT(str, 0) ; LPAD('ab', 5, 'xy') ; LPAD('abc', 2, 'x') ; RPAD('ab', 5, 'xy') ; RPAD('abc', 2, 'x')
        REVERSE(str) ; INITCAP('hello wORLD foo-bar') ; REPEAT('ab', 3) ; REPEAT('ab', 0) ; REPEAT('ab', -1) ; SPLIT_INDEX('a,b,c', ',', 1) ; SPLIT_INDEX('a,b,c', ',', 9) ; SPLIT_INDEX('a,b,c', ',', -1) ; SPLIT_INDEX('a,,c', ',', 1) ; SPLIT_INDEX('', ',', 0) ; SPLIT_INDEX('a,b', 44, 1)
        REGEXP('abc123', '[0-9]+') ; REGEXP('abc', '^b') ; REGEXP_REPLACE('a1b22', '[0-9]+', '#') ; REGEXP_REPLACE('abc', '(b)', '[$1]') ; REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2) ; REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)') ; REGEXP_EXTRACT('x', 'y', 0) ; REGEXP_EXTRACT('abc', 'b', 5) ; REGEXP('abc', '(') ; REGEXP_EXTRACT('100-200', '(\\d+)-(\\d+)', 1)
        OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6) ; OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6 FOR 2) ; ASCII('abc') ; ASCII('') ; ASCII('é') ; CHR(97) ; CHR(353) ; CHR(-1) ; TO_BASE64('hello world') ; FROM_BASE64('aGVsbG8gd29ybGQ=') ; STARTSWITH(str, 'hé') ; ENDSWITH(str, 'ld') ; TRANSLATE('www.apache.org', 'wapcheorg', ' APCHEcom')
        str LIKE 'h%' ; str LIKE '%World' ; str LIKE 'h_llo%' ; str NOT LIKE '%z%' ; '10%' LIKE '10!%' ESCAPE '!' ; 'a_b' LIKE 'a\\_b' ; snull LIKE 'a' ; str LIKE '%llo%' ; 'a' LIKE 'A' ; 'ab' LIKE 'a' ; 'x%y' LIKE 'x\\%y' ; str LIKE snull
        URL_ENCODE('a b&c') ; URL_DECODE('a+b%26c') ; SPLIT('a,b', ',') ; REGEXP_COUNT('a1b2', '[0-9]') ; REGEXP_INSTR('a1b2', '[0-9]') ; REGEXP_SUBSTR('a1b22', '[0-9]+') ; INITCAP('été là')
    """,
    "math": """
        ABS(-5) ; CEIL(1.2) ; CEIL(f) ; FLOOR(-1.2) ; FLOOR(f) ; CEIL(i) ; ROUND(2.5) ; ROUND(-2.5) ; ROUND(d, 1) ; ROUND(123.456, 2) ; ROUND(123.456, -1) ; ROUND(f) ; ROUND(2.345e0, 2) ; ROUND(i, -1) ; ROUND(155, -1)
        TRUNCATE(42.345, 2) ; TRUNCATE(-42.345, 1) ; TRUNCATE(f) ; TRUNCATE(42.324e0, 2) ; TRUNCATE(i) ; SQRT(i) ; SQRT(-1) ; POWER(2, 10) ; POWER(i, 0.5) ; EXP(1) ; LN(10) ; LN(0) ; LN(-1) ; LOG10(100) ; LOG2(8) ; LOG(100) ; LOG(2, 8) ; LOG(1, 8)
        SIN(1) ; COS(1) ; TAN(1) ; COT(1) ; ASIN(1) ; ACOS(1) ; ATAN(1) ; ATAN2(1, 2) ; SINH(1) ; COSH(1) ; TANH(1) ; DEGREES(1) ; RADIANS(180) ; PI() ; E() ; BIN(4) ; BIN(-1) ; HEX(255) ; HEX('hello') ; HEX(-1)
        SIGN(-2.5) ; SIGN(f) ; MOD(lmax, 10) ; MOD(7.5, 2) ; CEIL(dneg) ; FLOOR(dneg) ; ROUND(dneg) ; TRUNCATE(dneg, 1) ; CEIL(1.0) ; ABS(f32) ; ROUND(1.005, 2) ; SQRT(d) ; SIGN(d) ; ROUND(lmax, -2)
    """,
    "time": """
        EXTRACT(YEAR FROM ts) ; EXTRACT(QUARTER FROM ts) ; EXTRACT(MONTH FROM ts) ; EXTRACT(WEEK FROM ts) ; EXTRACT(DAY FROM ts) ; EXTRACT(DOW FROM ts) ; EXTRACT(DOY FROM ts) ; EXTRACT(HOUR FROM ts) ; EXTRACT(MINUTE FROM ts) ; EXTRACT(SECOND FROM ts) ; EXTRACT(MILLISECOND FROM ts) ; EXTRACT(EPOCH FROM ts)
        EXTRACT(YEAR FROM dt) ; EXTRACT(HOUR FROM tm) ; YEAR(dt) ; QUARTER(dt) ; MONTH(dt) ; WEEK(dt) ; DAYOFYEAR(dt) ; DAYOFMONTH(dt) ; DAYOFWEEK(dt) ; HOUR(ts) ; MINUTE(ts) ; SECOND(ts) ; YEAR(ts) ; EXTRACT(DECADE FROM dt) ; EXTRACT(CENTURY FROM dt) ; EXTRACT(ISODOW FROM dt) ; EXTRACT(ISOYEAR FROM dt)
        DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss') ; DATE_FORMAT(ts, 'yyyy/MM/dd') ; DATE_FORMAT(ts, 'HH:mm:ss.SSS') ; DATE_FORMAT('2020-02-29 10:11:12', 'yyyyMMdd') ; DATE_FORMAT(ts, 'EEE, d MMM yy hh:mm a') ; DATE_FORMAT(ts, 'D E EEEE MMMM') ; DATE_FORMAT(ts, '''at'' H')
        TO_TIMESTAMP('2020-02-29 10:11:12') ; TO_TIMESTAMP('2020-02-29 10:11:12.345') ; TO_TIMESTAMP('2020-02-29') ; TO_TIMESTAMP('29/02/2020 10:11', 'dd/MM/yyyy HH:mm') ; TO_TIMESTAMP('nope') ; TO_TIMESTAMP('2020-02-30 00:00:00') ; TO_TIMESTAMP_LTZ(1000, 3) ; TO_TIMESTAMP_LTZ(1000, 0) ; TO_TIMESTAMP_LTZ(lmax, 3) ; TO_DATE('2020-02-29') ; TO_DATE('29.02.2020', 'dd.MM.yyyy') ; TO_DATE('nope') ; TO_DATE('2020-02-30')
        TIMESTAMPADD(DAY, 1, ts) ; TIMESTAMPADD(MONTH, 12, ts) ; TIMESTAMPADD(MONTH, 1, DATE '2020-01-31') ; TIMESTAMPADD(HOUR, 5, dt) ; TIMESTAMPADD(SECOND, -5, ts) ; TIMESTAMPADD(YEAR, 1, dt) ; TIMESTAMPADD(WEEK, 1, ts) ; TIMESTAMPADD(QUARTER, 1, ts)
        TIMESTAMPDIFF(SECOND, TIMESTAMP '2020-01-01 00:00:00', ts) ; TIMESTAMPDIFF(DAY, TIMESTAMP '2020-01-01 00:00:00', ts) ; TIMESTAMPDIFF(MONTH, TIMESTAMP '2020-01-31 00:00:00', ts) ; TIMESTAMPDIFF(HOUR, ts, TIMESTAMP '2020-01-01 00:00:00') ; TIMESTAMPDIFF(YEAR, dt, DATE '2024-02-28') ; TIMESTAMPDIFF(MINUTE, ts, ts) ; TIMESTAMPDIFF(DAY, dt, DATE '2020-03-01') ; TIMESTAMPDIFF(WEEK, dt, DATE '2020-03-20') ; TIMESTAMPDIFF(QUARTER, dt, DATE '2021-03-20')
        ts + INTERVAL '4' SECOND ; ts - INTERVAL '1' DAY ; ts + INTERVAL '1' MONTH ; dt + INTERVAL '1' DAY ; dt + INTERVAL '1' YEAR ; dt - INTERVAL '1' MONTH ; tm + INTERVAL '1' HOUR ; tm + INTERVAL '12' HOUR ; INTERVAL '4' SECOND + ts ; DATE '2020-01-31' + INTERVAL '1' MONTH ; dt + INTERVAL '25' HOUR ; ts - INTERVAL '100' YEAR ; INTERVAL '1' DAY + INTERVAL '1' HOUR ; INTERVAL '1' DAY * 2 ; INTERVAL '1' DAY - INTERVAL '1' HOUR ; -INTERVAL '1' DAY ; 2 * INTERVAL '1' MONTH
        FLOOR(ts TO HOUR) ; CEIL(ts TO DAY) ; FLOOR(ts TO MONTH) ; FLOOR(ts TO WEEK) ; FLOOR(dt TO YEAR) ; CEIL(ts TO YEAR) ; FLOOR(ts TO QUARTER) ; CEIL(ts TO MONTH) ; UNIX_TIMESTAMP('2020-02-29 10:11:12') ; FROM_UNIXTIME(0) ; FROM_UNIXTIME(1582971072, 'yyyy') ; UNIX_TIMESTAMP('2020/02/29', 'yyyy/MM/dd') ; UNIX_TIMESTAMP('nope') ; DATE_FORMAT(TO_TIMESTAMP_LTZ(0, 3), 'yyyy') ; TO_TIMESTAMP_LTZ('2020-02-29 10:11:12') ; TO_TIMESTAMP_LTZ(1.5e0, 0) ; TO_TIMESTAMP_LTZ(1000)
        TO_TIMESTAMP_LTZ(0, 3) < ts ; EXTRACT(YEAR FROM TO_TIMESTAMP_LTZ(0, 3)) ; CAST(TO_TIMESTAMP_LTZ(0, 3) AS TIMESTAMP(3)) ; CAST(TO_TIMESTAMP_LTZ(0, 3) AS DATE) ; TO_TIMESTAMP_LTZ(0, 3) + INTERVAL '1' DAY
    """,
    "collections": """
        CARDINALITY(arr) ; CARDINALITY(m) ; arr[1] ; arr[4] ; arr[0] ; m['a'] ; m['z'] ; ELEMENT(ARRAY[5]) ; ELEMENT(arr) ; ARRAY_CONTAINS(arr, 2) ; ARRAY_CONTAINS(arr, 9) ; ARRAY_DISTINCT(ARRAY[1, 2, 2, 1]) ; ARRAY_POSITION(arr, 3) ; ARRAY_REVERSE(arr) ; ARRAY_APPEND(arr, 4) ; ARRAY_PREPEND(arr, 0) ; ARRAY_REMOVE(arr, 2) ; ARRAY_CONCAT(arr, ARRAY[9]) ; ARRAY_MAX(arr) ; ARRAY_MIN(arr) ; ARRAY_JOIN(ARRAY['a', 'b'], '-') ; ARRAY_SLICE(arr, 2, 3) ; ARRAY_SORT(ARRAY[3, 1, 2]) ; ARRAY_UNION(arr, ARRAY[3, 4]) ; ARRAY_EXCEPT(arr, ARRAY[2]) ; ARRAY_INTERSECT(arr, ARRAY[2])
        MAP_KEYS(m) ; MAP_VALUES(m) ; ARRAY[1, 2.5] ; ARRAY[1, NULL] ; ROW(1, 'a') ; ARRAY['a', 'bc'] ; MAP['k', 1.5] ; ARRAY_JOIN(ARRAY['a', NULL, 'b'], '-', '?') ; arr[inull] ; ARRAY_SLICE(arr, -2) ; ARRAY_SORT(ARRAY[3, NULL, 1]) ; ARRAY_SORT(arr, FALSE) ; ARRAY_CONTAINS(arr, inull)
    """,
    "timestamps": """
        TO_TIMESTAMP('2020-02-29', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP('2020-02-29 10:11:12', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02', 'yyyy-MM')
        TO_TIMESTAMP('2020', 'yyyy') ; TO_TIMESTAMP('nope', 'yyyy') ; TO_TIMESTAMP('10:11', 'HH:mm')
        TO_TIMESTAMP('2020-02-29 10:11:12.345', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP('2020-2-9', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02-30', 'yyyy-MM-dd')
        TO_TIMESTAMP('2020-02-29 10:11', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP('2020-02-29T10:11:12', 'yyyy-MM-dd HH:mm:ss')
        TO_TIMESTAMP('20200229', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02-29', 'yyyyMMdd') ; TO_TIMESTAMP('2020-02-29 10:11:12.3', 'yyyy-MM-dd HH:mm:ss.SSS')
        TO_TIMESTAMP('2020-02-29 10:11:12.3456', 'yyyy-MM-dd HH:mm:ss.SSS') ; TO_TIMESTAMP('2020-02-29 10', 'yyyy-MM-dd HH:mm')
        TO_TIMESTAMP('2020-02-29 1:2:3', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP('29/02/2020', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02-29 10:11:12', 'x(')
        TO_TIMESTAMP('2020-02-29 10:11:12', snope) ; TO_TIMESTAMP('2020-02-29', snull) ; TO_TIMESTAMP('2020', 'yyyy-MM-dd')
        TO_TIMESTAMP('2020-02', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02-29 ', 'yyyy-MM-dd') ; TO_TIMESTAMP(' 2020-02-29', 'yyyy-MM-dd')
        TO_TIMESTAMP('2020-02-29 25:00:00', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP('2020-02-29 24:00:00', 'yyyy-MM-dd HH:mm:ss')
        TO_TIMESTAMP('2020-02-29 10:11:12 AM', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP(sdate, 'yyyy-MM-dd') ; TO_TIMESTAMP('02', 'MM') ; TO_TIMESTAMP('29', 'dd')
        TO_TIMESTAMP('Feb', 'MMM') ; TO_TIMESTAMP('10:11:12', 'HH:mm:ss') ; TO_TIMESTAMP('', 'yyyy') ; TO_TIMESTAMP('2020-02-29 10:11:12', '')
        TO_TIMESTAMP('2020-02-29 10:11', 'yyyy-MM-dd') ; TO_TIMESTAMP('2020-02-29 11', 'yyyy-MM-dd hh') ; TO_TIMESTAMP_LTZ('nope')
        TO_TIMESTAMP_LTZ('2020-02-29 10:11', 'yyyy-MM-dd HH:mm') ; TO_TIMESTAMP_LTZ('nope', 'yyyy') ; TO_TIMESTAMP_LTZ('2020-02-29', 'yyyy-MM-dd HH:mm:ss')
        TO_TIMESTAMP_LTZ(1000, CAST(NULL AS INT)) ; TO_TIMESTAMP_LTZ(i, inull) ; TO_TIMESTAMP_LTZ(lmax, inull) ; TO_TIMESTAMP_LTZ(0, 5) ; TO_TIMESTAMP_LTZ(0, -1)
        TO_TIMESTAMP_LTZ(i, ineg) ; TO_TIMESTAMP_LTZ(lmax, 0) ; TO_TIMESTAMP_LTZ(snull) ; TO_TIMESTAMP_LTZ(snope) ; TO_TIMESTAMP_LTZ(snope, 'yyyy')
        TO_TIMESTAMP_LTZ(sdate) ; TO_TIMESTAMP_LTZ('2020-02-29', snull) ; TO_TIMESTAMP_LTZ('2020-02-29 10:11:12', snope) ; TO_TIMESTAMP_LTZ(inull, 3)
        TO_TIMESTAMP_LTZ($NAN, 3) ; TO_TIMESTAMP_LTZ(huge, 3) ; TO_TIMESTAMP_LTZ(d, 0) ; TO_TIMESTAMP_LTZ(123456789, 6) ; TO_TIMESTAMP_LTZ(123456789, 9)
        TO_TIMESTAMP_LTZ(7, 1) ; TO_TIMESTAMP_LTZ(s, 2) ; TO_TIMESTAMP_LTZ(f, inull) ; TO_TIMESTAMP_LTZ(1.5, 0) ; TO_TIMESTAMP_LTZ(d, inull)
        TO_TIMESTAMP_LTZ(1000, i) ; TO_TIMESTAMP_LTZ(1000, zero)
    """,
    "lengths": """
        CAST(str AS VARCHAR(3)) ; CAST(str AS CHAR(3)) ; CAST(str AS CHAR(20)) ; CAST(i AS VARCHAR(1)) ; CAST(123456 AS CHAR(3)) ; CAST(imax AS VARCHAR(4))
        CAST(byt AS BINARY(1)) ; CAST(byt AS BINARY(4)) ; CAST(byt AS VARBINARY(1)) ; CAST(str AS BINARY(3)) ; CAST(sabc AS BINARY(5))
        CAST(sabc AS VARBINARY(2)) ; TRY_CAST(str AS VARCHAR(3)) ; CAST(d AS CHAR(10)) ; CAST(t AS VARCHAR(2)) ; CAST(arr AS VARCHAR(3))
        CAST(ts AS VARCHAR(10)) ; CAST(dt AS CHAR(4)) ; CAST(CAST(str AS CHAR(3)) AS STRING) ; CHAR_LENGTH(CAST(str AS CHAR(20)))
        CHAR_LENGTH(CAST(i AS CHAR(20))) ; CAST(sabc AS CHAR(5)) = 'abc' ; CAST(sabc AS CHAR(5)) || 'x' ; COALESCE(CAST(snull AS CHAR(5)), 'x')
        CAST(x'00' AS BINARY(3)) ; CAST(sabc AS VARCHAR) ; CAST(sabc AS CHAR) ; CAST(byt AS BINARY) ; CAST(byt AS VARBINARY) ; CAST('abc' AS VARCHAR(2))
        CAST('abc' AS CHAR(2)) ; CAST('abc' AS CHAR(5)) || '|' ; CAST(f AS VARCHAR(2)) ; CAST(byt AS VARCHAR(1)) ; CAST(byt AS CHAR(4)) || '|'
        CAST(i AS BINARY(4)) ; CAST(sempty AS CHAR(3)) || '|' ; CAST('𝄞b' AS VARCHAR(1)) ; CAST(snull AS CHAR(2))
        CAST(CAST(sabc AS VARCHAR(10)) AS CHAR(5)) || '|' ; CAST(CAST(sabc AS CHAR(5)) AS VARCHAR(10)) || '|' ; CAST(CAST(sabc AS VARCHAR(2)) AS VARCHAR(5))
        CAST(CAST(sabc AS CHAR(5)) AS INT) ; UPPER(CAST(sabc AS CHAR(5))) || '|' ; CAST(INTERVAL '4' SECOND AS VARCHAR(2)) ; CAST(ROW(1, 'abc') AS VARCHAR(4))
        CAST('abc' AS BINARY(5)) ; CAST(byt AS BYTES) ; CAST(tm AS CHAR(10)) || '|' ; CAST(t AS CHAR(7)) || '|' ; CAST(CAST(byt AS BINARY(4)) AS BYTES)
        CAST(sabc AS VARCHAR(2147483647)) ; CAST(sabc AS STRING) ; CASE WHEN t THEN CAST(sabc AS CHAR(5)) ELSE 'x' END
    """,
    "texts": """
        SPLIT('', ',') ; SPLIT(sempty, ',') ; SPLIT('a', '') ; SPLIT(',', ',') ; SPLIT('a,,b', ',') ; SPLIT(str, snull) ; SPLIT(snull, ',')
        SPLIT(sempty, sempty) ; SPLIT('abc', '') ; SPLIT('a,b,', ',') ; SPLIT('', '') ; SPLIT(sabc, 'abc') ; SPLIT(sempty, ',') ; SPLIT_INDEX(sempty, ',', 0)
        REGEXP(str, sbad) ; REGEXP_REPLACE(str, sbad, 'x') ; REGEXP_EXTRACT(str, sbad) ; REGEXP_EXTRACT(str, sbad, 1) ; REGEXP_COUNT(str, sbad)
        REGEXP_INSTR(str, sbad) ; REGEXP_SUBSTR(str, sbad) ; REGEXP(snull, sbad) ; REGEXP(sempty, sbad) ; REGEXP_REPLACE(snull, sbad, 'x') ; REGEXP(str, snull)
        REGEXP_REPLACE(str, 'l', '$9') ; REGEXP_REPLACE(str, ',', sbad) ; INSTR(str, 'l', -1) ; INSTR(str, 'l', -1, 2) ; INSTR(str, 'l', -4) ; INSTR(str, 'l', 0)
        INSTR(str, '', -1) ; INSTR(str, 'l', 1, 0) ; INSTR(str, 'l', 1, -1) ; INSTR(str, 'l', ineg) ; INSTR(str, 'l', -100) ; INSTR(str, 'World', -1)
        INSTR(str, 'd', -1) ; INSTR(str, 'h', -11) ; INSTR(str, 'z', -1) ; INSTR(str, 'l', -1, 3) ; INSTR(str, 'l', -1, 4) ; INSTR('aaaa', 'aa', -1, 2)
        INSTR('aaaa', 'aa', 1, 2) ; INSTR('aaaa', 'aa', 1, 3) ; INSTR('aaaa', 'aa', -1, 3) ; INSTR(str, 'l', 100) ; INSTR(str, '') ; INSTR(str, '', 3)
        INSTR(str, 'l', inull) ; INSTR(str, 'l', 1, inull) ; INSTR(snull, 'l') ; INSTR(sempty, 'l', -1) ; INSTR(str, 'lo', -8) ; INSTR('𝄞b𝄞', 'b', -1)
        INSTR(str, '', 1, 2) ; TRANSLATE(str, snull, 'x') ; TRANSLATE(str, 'l', snull) ; TRANSLATE(snull, 'l', 'x') ; TRANSLATE(str, '', 'x')
        TRANSLATE(str, sempty, snull) ; TRANSLATE(str, 'll', 'xy') ; TRANSLATE(str, 'lo', '') ; TRANSLATE(sempty, 'a', 'b') ; TRANSLATE(str, 'lo', sempty)
    """,
    "rounding": """
        ROUND(dwhole, -1) ; ROUND(dnines, -1) ; ROUND(d, -1) ; ROUND(dbig, -2) ; ROUND(CAST(5 AS DECIMAL(1, 0)), -1) ; ROUND(CAST(5 AS DECIMAL(5, 0)), -1)
        TRUNCATE(dwhole, -1) ; TRUNCATE(dbig, -2) ; ROUND(dwhole, -5) ; ROUND(dwhole, -6) ; ROUND(dnines, -5) ; ROUND(dmax, -1) ; ROUND(dwhole, ineg)
        ROUND(dwhole, 0) ; ROUND(dwhole) ; ROUND(dbig, 0) ; ROUND(dbig, -3) ; ROUND(dbig, -6) ; ROUND(dbig, -7) ; ROUND(999.9, -2) ; ROUND(999.9, 0)
        ROUND(999.99, 1) ; TRUNCATE(dwhole, -5) ; TRUNCATE(dwhole, i) ; ROUND(dwhole, 3) ; TRUNCATE(d, -1) ; ROUND(dneg, 0) ; ROUND(i, -11) ; ROUND(lmax, -19)
        CEIL(dnines) ; FLOOR(dbig) ; CEIL(CAST(9.5 AS DECIMAL(2, 1))) ; ROUND(CAST(9.5 AS DECIMAL(2, 1)))
    """,
    "floats_in_order": """
        GREATEST($NAN, f) ; GREATEST(f, $NAN) ; LEAST($NAN, f) ; LEAST(f, $NAN) ; GREATEST(fzero, -fzero) ; GREATEST(-fzero, fzero) ; LEAST(-fzero, fzero)
        LEAST(fzero, -fzero) ; GREATEST(fzero / fzero, f) ; LEAST(fzero / fzero, f) ; $NAN < f ; $NAN > f ; f <= $NAN ; f > $NAN ; fzero / fzero = $NAN
        fzero > -fzero ; -fzero IS DISTINCT FROM fzero ; fzero IN (-fzero, f) ; NULLIF(fzero, -fzero) ; ARRAY_DISTINCT(ARRAY[$NAN, fzero / fzero])
        ARRAY_DISTINCT(ARRAY[fzero, -fzero]) ; ARRAY_CONTAINS(ARRAY[$NAN], $NAN) ; ARRAY_CONTAINS(ARRAY[fzero], -fzero) ; ARRAY_POSITION(ARRAY[$NAN], $NAN)
        ARRAY_POSITION(ARRAY[fzero], -fzero) ; ARRAY_MAX(ARRAY[$NAN, f]) ; ARRAY_MAX(ARRAY[f, $NAN]) ; ARRAY_MIN(ARRAY[$NAN, f]) ; ARRAY_MIN(ARRAY[f, $NAN])
        ARRAY_MAX(ARRAY[-fzero, fzero]) ; ARRAY_MIN(ARRAY[fzero, -fzero]) ; ARRAY_SORT(ARRAY[$NAN, f, -f / fzero, fzero, fzero / fzero, -fzero, f / fzero])
        ARRAY_REMOVE(ARRAY[$NAN, f], $NAN) ; ARRAY_REMOVE(ARRAY[fzero, f], -fzero) ; ARRAY_UNION(ARRAY[$NAN, fzero], ARRAY[$NAN, -fzero])
        ARRAY_EXCEPT(ARRAY[$NAN, fzero], ARRAY[$NAN, -fzero]) ; ARRAY_INTERSECT(ARRAY[$NAN, fzero], ARRAY[$NAN, -fzero]) ; MAP[fzero, 1][-fzero]
    """,
    "json": """
        JSON_VALUE(js, '$.a') ; JSON_VALUE(js, '$.b[1]') ; JSON_VALUE(js, '$.b') ; JSON_VALUE(js, '$.d') ; JSON_VALUE(js, '$.zz') ; JSON_VALUE(js, 'lax $.b[2].c') ; JSON_VALUE(js, 'strict $.zz') ; JSON_VALUE(js, '$.f') ; JSON_VALUE(js, '$.g') ; JSON_VALUE(js, '$.e') ; JSON_VALUE(jbad, '$.a') ; JSON_VALUE(snull, '$.a') ; JSON_VALUE(js, '$') ; JSON_VALUE('5', '$') ; JSON_VALUE('"x"', '$') ; JSON_VALUE(js, '$["a"]') ; JSON_VALUE(js, '$.b[*]') ; JSON_VALUE(js, '$.b[-1]') ; JSON_VALUE(js, '$.b.c') ; JSON_VALUE(js, '$..c') ; JSON_VALUE('', '$') ; JSON_VALUE('1 2', '$') ; JSON_VALUE('{"a":1e3}', '$.a') ; JSON_VALUE('{"a":10000000000000000000000}', '$.a') ; JSON_VALUE('{"a":0.1000}', '$.a') ; JSON_VALUE('{"a":1E400}', '$.a') ; JSON_VALUE('{"é":"ü"}', '$.é') ; JSON_VALUE(js, '$.b[9]')
        JSON_EXISTS(js, '$.a') ; JSON_EXISTS(js, '$.zz') ; JSON_EXISTS(js, '$.d') ; JSON_EXISTS(js, '$.b[2].c') ; JSON_EXISTS(js, '$.b[9]') ; JSON_EXISTS(jbad, '$.a') ; JSON_EXISTS(snull, '$.a') ; JSON_EXISTS(js, 'strict $.zz') ; JSON_EXISTS(js, '$') ; JSON_EXISTS(js, '$.b[*]')
        JSON_QUERY(js, '$.b') ; JSON_QUERY(js, '$.a') ; JSON_QUERY(js, '$.b[2]') ; JSON_QUERY(js, '$.zz') ; JSON_QUERY(js, '$.d') ; JSON_QUERY(jbad, '$') ; JSON_QUERY(snull, '$') ; JSON_QUERY(js, '$') ; JSON_QUERY(js, '$.b[*]') ; JSON_QUERY('{"a" : [ 1 , 2.50 ] }', '$.a') ; JSON_QUERY('{"x":{"z":1,"a":"é/"}}', '$.x') ; JSON_QUERY('{"x":[1e3,1.0]}', '$.x') ; JSON_QUERY(js, 'strict $.zz')
        JSON_QUERY(js, '$.b' WITH WRAPPER) ; JSON_QUERY(js, '$.a' WITH WRAPPER) ; JSON_QUERY(js, '$.a' WITH CONDITIONAL WRAPPER) ; JSON_QUERY(js, '$.b' WITH CONDITIONAL WRAPPER) ; JSON_QUERY(js, '$.e' WITH UNCONDITIONAL ARRAY WRAPPER) ; JSON_QUERY(js, '$.zz' EMPTY ARRAY ON EMPTY) ; JSON_QUERY(js, '$.zz' EMPTY OBJECT ON EMPTY) ; JSON_QUERY(jbad, '$' EMPTY OBJECT ON ERROR) ; JSON_QUERY(js, '$.zz' ERROR ON EMPTY) ; JSON_QUERY(jbad, '$' ERROR ON ERROR) ; JSON_QUERY(js, '$.b' RETURNING ARRAY<STRING>)
        JSON_VALUE(js, '$.a' RETURNING INTEGER) ; JSON_VALUE(js, '$.g' RETURNING BOOLEAN) ; JSON_VALUE(js, '$.f' RETURNING DOUBLE) ; JSON_VALUE(js, '$.zz' DEFAULT 'none' ON EMPTY) ; JSON_VALUE(jbad, '$.a' DEFAULT 'bad' ON ERROR) ; JSON_VALUE(js, '$.zz' ERROR ON EMPTY) ; JSON_VALUE(jbad, '$.a' ERROR ON ERROR) ; JSON_VALUE(js, '$.b' DEFAULT 'array' ON ERROR) ; JSON_VALUE(js, '$.d' DEFAULT 'none' ON EMPTY) ; JSON_VALUE(js, '$.e' RETURNING INTEGER) ; JSON_VALUE(js, '$.zz' RETURNING INTEGER DEFAULT 5 ON EMPTY) ; JSON_VALUE(js, 'strict $.zz' DEFAULT 'none' ON EMPTY DEFAULT 'bad' ON ERROR) ; JSON_EXISTS(jbad, '$.a' TRUE ON ERROR) ; JSON_EXISTS(jbad, '$.a' UNKNOWN ON ERROR) ; JSON_EXISTS(jbad, '$.a' ERROR ON ERROR) ; JSON_EXISTS(js, 'strict $.zz' TRUE ON ERROR)
        js IS JSON ; jbad IS JSON ; snull IS JSON ; sabc IS JSON ; sempty IS JSON ; '1' IS JSON ; '1' IS JSON SCALAR ; js IS JSON OBJECT ; js IS JSON ARRAY ; '[1]' IS JSON ARRAY ; '"x"' IS JSON SCALAR ; 'null' IS JSON SCALAR ; js IS NOT JSON ; js IS JSON VALUE ; snull IS NOT JSON ; '{"a":1} x' IS JSON ; '{"a":1,"a":2}' IS JSON OBJECT
        JSON_STRING(str) ; JSON_STRING(i) ; JSON_STRING(d) ; JSON_STRING(f) ; JSON_STRING(t) ; JSON_STRING(arr) ; JSON_STRING(m) ; JSON_STRING(ROW(1, 'a')) ; JSON_STRING(inull) ; JSON_STRING(ts) ; JSON_STRING(dt) ; JSON_STRING(byt) ; JSON_STRING('a"b') ; JSON_STRING(f32) ; JSON_STRING(ARRAY[i, inull]) ; JSON_STRING(tm) ; JSON_STRING(huge) ; JSON_STRING('é/') ; JSON_STRING(INTERVAL '1' DAY) ; JSON_STRING(lmax)
        JSON_OBJECT() ; JSON_OBJECT('a' VALUE 1) ; JSON_OBJECT(KEY 'k' VALUE 'v') ; JSON_OBJECT('a' VALUE inull) ; JSON_OBJECT('a' VALUE inull ABSENT ON NULL) ; JSON_OBJECT('a' VALUE arr, 'b' VALUE m) ; JSON_OBJECT('a' VALUE 1.50, 'b' VALUE f, 'c' VALUE t) ; JSON_OBJECT('a' VALUE JSON_OBJECT('b' VALUE 1)) ; JSON_OBJECT('ts' VALUE ts, 'd' VALUE dt) ; JSON_OBJECT('x' VALUE JSON_ARRAY(1, 'y')) ; JSON_OBJECT('a' VALUE 1, 'a' VALUE 2) ; JSON_OBJECT('x' VALUE str || 'y') ; JSON_OBJECT('r' VALUE ROW(1, 'a')) ; JSON_OBJECT('j' VALUE JSON('{"q": 1}'))
        JSON_ARRAY() ; JSON_ARRAY(1, 'a', TRUE) ; JSON_ARRAY(i, inull) ; JSON_ARRAY(i, inull NULL ON NULL) ; JSON_ARRAY(JSON_ARRAY(1)) ; JSON_ARRAY(d, f, ts) ; JSON_ARRAY(str, byt) ; JSON_ARRAY(JSON_OBJECT('a' VALUE 1)) ; JSON_ARRAY(JSON('[1, 2]'))
        JSON_QUOTE(str) ; JSON_QUOTE('a"b') ; JSON_QUOTE('a' || CHR(10) || 'b') ; JSON_QUOTE(snull) ; JSON_QUOTE('') ; JSON_QUOTE('𝄞/') ; JSON_QUOTE(CHR(9)) ; JSON_UNQUOTE('"abc"') ; JSON_UNQUOTE(sabc) ; JSON_UNQUOTE(snull) ; JSON_UNQUOTE('"a\\u0041"') ; JSON_UNQUOTE('"bad') ; JSON_UNQUOTE('[1]') ; JSON_UNQUOTE('"\\x"') ; JSON_UNQUOTE('""') ; JSON_UNQUOTE('"\\ud834\\udd1e"') ; JSON_UNQUOTE('"\\n\\t"')
        CAST(PARSE_JSON('{"a": 1}') AS STRING) ; JSON_STRING(PARSE_JSON('{"b" : [1, 2.50, null], "a": "x"}')) ; JSON_STRING(TRY_PARSE_JSON(jbad)) ; JSON_STRING(PARSE_JSON(jbad)) ; JSON_STRING(PARSE_JSON(snull)) ; JSON_STRING(PARSE_JSON('1.50')) ; JSON_STRING(TRY_PARSE_JSON('{"a":1,"a":2}')) ; JSON_STRING(PARSE_JSON('{"a":1,"a":2}')) ; JSON_STRING(PARSE_JSON('1e3')) ; PARSE_JSON('"x"')
    """,
    "hashes": """
        MD5(str) ; SHA1(str) ; SHA224(str) ; SHA256(str) ; SHA384(str) ; SHA512(str) ; SHA2(str, 256) ; SHA2(str, 224) ; SHA2(str, 512) ; SHA2(str, 384) ; SHA2(str, 0) ; SHA2(str, i) ; MD5(snull) ; MD5('') ; SHA1('') ; SHA256(snull) ; SHA2(snull, 256) ; SHA2(str, inull) ; MD5(byt) ; MD5(i) ; CHAR_LENGTH(UUID()) ; SHA224('') ; SHA384('') ; SHA512('') ; SHA2('', 1) ; MD5('a') ; SHA1('a') ; SHA224('abc') ; SHA384('abc') ; SHA512('abc') ; SHA1(snull) ; SHA224(snull) ; SHA384(snull) ; SHA512(snull) ; MD5(sz) ; SHA1(sz) ; SHA256('') ; SHA256('abc') ; SHA2('abc', 224)
        RAND() < 1 ; RAND() >= 0 ; RAND(1) < 1 ; RAND(i) ; RAND_INTEGER(10) < 10 ; RAND_INTEGER(10) >= 0 ; RAND_INTEGER(1) ; RAND_INTEGER(1, 5) ; RAND(inull) ; RAND_INTEGER(inull) ; RAND(42) ; RAND_INTEGER(42, 100) ; UUID() LIKE '%-%-4%-%-%' ; UUID() = UUID()
    """,
    "regexps": """
        REGEXP_EXTRACT_ALL('100-200, 300-400', '(\\d+)-(\\d+)', 1) ; REGEXP_EXTRACT_ALL('100-200, 300-400', '(\\d+)-(\\d+)') ; REGEXP_EXTRACT_ALL('100-200, 300-400', '(\\d+)-(\\d+)', 0) ; REGEXP_EXTRACT_ALL('100-200', '(\\d+)-(\\d+)', 3) ; REGEXP_EXTRACT_ALL('abc', 'z') ; REGEXP_EXTRACT_ALL(snull, 'z') ; REGEXP_EXTRACT_ALL('abc', sbad) ; REGEXP_EXTRACT_ALL('aXbX', '(X)|(b)', 2) ; REGEXP_EXTRACT_ALL('abc', '(b)', -1) ; REGEXP_EXTRACT_ALL('abc', '(b)', inull) ; REGEXP_EXTRACT_ALL('abc', 'b') ; REGEXP_EXTRACT_ALL('abab', '(a)(b)', 2)
        str SIMILAR TO 'h%' ; sabc SIMILAR TO 'a(b|x)c' ; sabc SIMILAR TO 'a[a-c]c' ; sabc SIMILAR TO 'ab' ; sabc NOT SIMILAR TO 'x%' ; 'a_c' SIMILAR TO 'a!_c' ESCAPE '!' ; sabc SIMILAR TO '_+' ; sabc SIMILAR TO 'a{2}%' ; snull SIMILAR TO 'a' ; sabc SIMILAR TO snull ; 'a.c' SIMILAR TO 'a.c' ; sabc SIMILAR TO 'a.c' ; sabc SIMILAR TO '[[:alpha:]]+' ; '12' SIMILAR TO '[0-9]{2}' ; sabc SIMILAR TO 'a[^x]c' ; 'ab' SIMILAR TO 'a?b*' ; sabc SIMILAR TO '(' ; sempty SIMILAR TO '' ; sabc SIMILAR TO 'abc|x' ; 'xabc' SIMILAR TO 'abc|x' ; 'a' SIMILAR TO '[[:DIGIT:]]' ; 'a-c' SIMILAR TO 'a[-x]c' ; 'a^c' SIMILAR TO 'a^c'
        REGEXP('foobar', 'foo(?=bar)') ; REGEXP('foobaz', 'foo(?!bar)') ; REGEXP('abab', '(ab)\\1') ; REGEXP_REPLACE('aabbcc', '(.)\\1', '#') ; REGEXP_EXTRACT('price 42', '(?<=price )\\d+') ; REGEXP_COUNT('aXbXc', '(?<=X).') ; REGEXP_EXTRACT_ALL('aabbc', '(.)\\1', 1) ; REGEXP_INSTR('foobar', '(?<=foo)bar') ; REGEXP_SUBSTR('foobar', '(?<!x)bar') ; REGEXP('aaa', 'a++a') ; REGEXP('aaa', '(?>a+)a') ; REGEXP('abc', '\\Qabc\\E') ; REGEXP('a1', '[a-z&&[^b]]1') ; REGEXP('a', '\\p{Alpha}') ; REGEXP('a', '\\p{javaLowerCase}') ; REGEXP('é', '\\w') ; REGEXP('a b', 'a\\hb') ; REGEXP_COUNT('abc', 'z') ; REGEXP_COUNT('abc', '') ; REGEXP_INSTR('abc', '') ; REGEXP('A', '\\p{Lu}') ; REGEXP('x', '\\p{IsAlphabetic}') ; REGEXP('a.b', 'a[.]b') ; REGEXP('ab', '(?<n>a)\\k<n>b') ; REGEXP('aab', '(?<n>a)\\k<n>b') ; REGEXP('a]', '[]a]') ; REGEXP('[', '[[]') ; REGEXP_COUNT(sempty, 'a') ; REGEXP_COUNT(snull, 'a') ; REGEXP_COUNT('abc', '[bc]')
    """,
    "more_texts": """
        PARSE_URL('http://u:p@facebook.com:80/path/p1.php?query=1&b=c#ref', 'HOST') ; PARSE_URL('http://facebook.com/path/p1.php?query=1', 'PATH') ; PARSE_URL('http://facebook.com/path/p1.php?query=1&b=c', 'QUERY') ; PARSE_URL('http://facebook.com/path/p1.php?query=1&b=c', 'QUERY', 'query') ; PARSE_URL('http://facebook.com/path/p1.php?query=1&b=c', 'QUERY', 'b') ; PARSE_URL('http://facebook.com/a#ref', 'REF') ; PARSE_URL('https://facebook.com/a', 'PROTOCOL') ; PARSE_URL('http://facebook.com/path/p1.php?query=1', 'FILE') ; PARSE_URL('http://user:pw@facebook.com:80/a', 'AUTHORITY') ; PARSE_URL('http://user:pw@facebook.com:80/a', 'USERINFO') ; PARSE_URL('nope', 'HOST') ; PARSE_URL(snull, 'HOST') ; PARSE_URL('http://facebook.com', 'PATH') ; PARSE_URL('http://facebook.com', 'NOPE') ; PARSE_URL('http://facebook.com', 'QUERY') ; PARSE_URL('http://facebook.com?a=1', 'QUERY', 'z') ; PARSE_URL('http://facebook.com/a?b=1', 'host') ; PARSE_URL('ftp://h/p', 'FILE') ; PARSE_URL('http://h', 'FILE') ; PARSE_URL('http://h', 'REF') ; PARSE_URL('http://h:8080', 'AUTHORITY') ; PARSE_URL('xyz://h/p', 'HOST') ; PARSE_URL('http://h/a%20b?c=d%20e', 'PATH') ; PARSE_URL('http://h/?a=1&a=2', 'QUERY', 'a') ; PARSE_URL('http://h/?a=1', 'PATH', 'a')
        STR_TO_MAP('a=1,b=2') ; STR_TO_MAP('a:1;b:2', ';', ':') ; STR_TO_MAP('a') ; STR_TO_MAP('') ; STR_TO_MAP(snull) ; STR_TO_MAP('a=1,a=2') ; STR_TO_MAP('a=1=2') ; STR_TO_MAP('a1,b2', ',', '[0-9]') ; STR_TO_MAP('k=1,,b=2') ; STR_TO_MAP('=1') ; STR_TO_MAP('a=') ; STR_TO_MAP(sabc, sempty, '=') ; STR_TO_MAP('a=1', snull, '=')
        PRINTF('%d %s', 1, 'a') ; PRINTF('%05d', 42) ; PRINTF('%.2f', 1.005e0) ; PRINTF('%x %X %o', 255, 255, 8) ; PRINTF('%s', inull) ; PRINTF('%10s|%-10s|', 'a', 'b') ; PRINTF('%%') ; PRINTF('%e', 12345.678e0) ; PRINTF('%b', TRUE) ; PRINTF('%,d', 1234567) ; PRINTF('%+d', 5) ; PRINTF('%d', 'x') ; PRINTF('%d') ; PRINTF(snull, 1) ; PRINTF('%s %s', 1) ; PRINTF('%2$s %1$s', 'a', 'b') ; PRINTF('%c', 65) ; PRINTF('%s', f) ; PRINTF('%s', d) ; PRINTF('%s', t) ; PRINTF('%n') ; PRINTF('%.3s', 'abcdef') ; PRINTF('%S', 'abc') ; PRINTF('% d', 5) ; PRINTF('%(d', -5) ; PRINTF('%d', lmax) ; PRINTF('%s', ts) ; PRINTF('%f', 1.5e0) ; PRINTF('%q', 1) ; PRINTF('%g', 0.0001e0) ; PRINTF('%08.3f', 3.14159e0) ; PRINTF('%x', -1) ; PRINTF('abc') ; PRINTF('%h', 'a') ; PRINTF('%.1f', d) ; PRINTF('%d', d)
        ELT(1, 'a', 'b') ; ELT(2, 'a', 'b') ; ELT(3, 'a', 'b') ; ELT(0, 'a', 'b') ; ELT(inull, 'a') ; ELT(1, snull, 'b') ; ELT(ineg, 'a') ; ELT(2, byt, x'00') ; ELT(i, 'a') ; ELT(zero, 'a') ; ELT(i - 6, 'a', 'b')
        ENCODE(str, 'UTF-8') ; ENCODE('abc', 'UTF-16') ; ENCODE('é', 'ISO-8859-1') ; ENCODE('€', 'US-ASCII') ; ENCODE(snull, 'UTF-8') ; ENCODE('a', 'nope') ; ENCODE('a', 'utf-8') ; ENCODE('abc', 'UTF-16BE') ; ENCODE('abc', 'UTF-16LE') ; DECODE(byt, 'UTF-8') ; DECODE(x'00410042', 'UTF-16') ; DECODE(x'fffe4100', 'UTF-16') ; DECODE(x'ff', 'UTF-8') ; DECODE(x'e9', 'ISO-8859-1') ; DECODE(byt, snull) ; DECODE(CAST(NULL AS BYTES), 'UTF-8') ; DECODE(x'41', 'US-ASCII') ; DECODE(x'4100', 'UTF-16LE')
        UNHEX('4D7953514C') ; UNHEX('abc') ; UNHEX('') ; UNHEX('zz') ; UNHEX(snull) ; DECODE(UNHEX('68656C6C6F'), 'UTF-8') ; UNHEX('ff') ; UNHEX(sempty) ; BTRIM('  a ') ; BTRIM('xyaxy', 'xy') ; BTRIM(snull, 'x') ; BTRIM('abc', '') ; BTRIM('aaa', 'a') ; BTRIM(spad)
        INET_ATON('192.168.1.1') ; INET_ATON('127.1') ; INET_ATON('1.2.3') ; INET_ATON('256.1.1.1') ; INET_ATON('nope') ; INET_ATON(snull) ; INET_ATON('') ; INET_ATON('1.2.3.4.5') ; INET_ATON('0.0.0.0') ; INET_ATON('255.255.255.255') ; INET_ATON('01.2.3.4') ; INET_ATON(' 1.2.3.4') ; INET_ATON('5') ; INET_NTOA(3232235777) ; INET_NTOA(0) ; INET_NTOA(4294967295) ; INET_NTOA(4294967296) ; INET_NTOA(-1) ; INET_NTOA(CAST(NULL AS BIGINT)) ; INET_NTOA(i) ; INET_ATON('1..2') ; INET_ATON('1.256') ; INET_ATON('1.2.256')
    """,
    "more_collections": """
        MAP_ENTRIES(m) ; MAP_ENTRIES(MAP['a', inull]) ; MAP_ENTRIES(CAST(NULL AS MAP<STRING, INT>)) ; CARDINALITY(MAP_ENTRIES(m)) ; MAP_ENTRIES(MAP[1, 'x']) ; MAP_FROM_ARRAYS(ARRAY['a', 'b'], ARRAY[1, 2]) ; MAP_FROM_ARRAYS(ARRAY['a'], ARRAY[1, 2]) ; MAP_FROM_ARRAYS(ARRAY['a', 'a'], ARRAY[1, 2]) ; MAP_FROM_ARRAYS(CAST(NULL AS ARRAY<INT>), arr) ; MAP_FROM_ARRAYS(arr, ARRAY['x', 'y', 'z']) ; MAP_FROM_ARRAYS(ARRAY['a', snull], ARRAY[1, 2]) ; MAP_UNION(m, MAP['b', 3, 'c', 4]) ; MAP_UNION(m) ; MAP_UNION(m, CAST(NULL AS MAP<STRING, INT>)) ; MAP_UNION(MAP['a', 1], MAP['b', 2], MAP['a', 3]) ; MAP_UNION(MAP['a', 1], MAP['b', lmax]) ; MAP_UNION(MAP['a', 1], MAP['b', 2.5]) ; MAP_UNION(m, m)
        MAP_KEYS(MAP_UNION(m, MAP['b', 3, 'c', 4])) ; TYPEOF(i) ; TYPEOF(str) ; TYPEOF(d) ; TYPEOF(arr) ; TYPEOF(NULL) ; TYPEOF(1.5) ; TYPEOF('a') ; TYPEOF(m) ; TYPEOF(ts) ; TYPEOF(i, TRUE) ; TYPEOF(ROW(1, 'a')) ; TYPEOF(t) ; TYPEOF(lmax) ; TYPEOF(f) ; TYPEOF(INTERVAL '1' DAY) ; TYPEOF(dt)
        ARRAY_SLICE(arr, -1) ; ARRAY_SLICE(arr, -2, 2) ; ARRAY_SLICE(arr, -9, 2) ; ARRAY_SLICE(ARRAY['a', 'b'], 2, 1) ; ARRAY_JOIN(ARRAY['a', snull], '-', snull) ; ARRAY_CONCAT(arr, CAST(NULL AS ARRAY<INT>)) ; ARRAY_UNION(arr, ARRAY[1.5]) ; ARRAY_EXCEPT(ARRAY[1, 1, 2], ARRAY[2]) ; ARRAY_INTERSECT(ARRAY[1, 1, inull], ARRAY[inull, 1]) ; ARRAY_SORT(ARRAY['b', snull, 'a'], FALSE, TRUE) ; ARRAY_SORT(ARRAY[TRUE, FALSE]) ; ARRAY_MIN(ARRAY['b', 'a']) ; ARRAY_DISTINCT(ARRAY['a', 'a']) ; ARRAY_CONCAT(arr, ARRAY[inull], arr) ; ARRAY_REVERSE(ARRAY[inull]) ; ARRAY_PREPEND(arr, inull) ; ARRAY_POSITION(ARRAY['a', 'b'], 'b')
        BITMAP_TO_STRING(BITMAP_BUILD(ARRAY[1, 2, 5])) ; BITMAP_CARDINALITY(BITMAP_BUILD(ARRAY[1, 2, 2])) ; BITMAP_TO_ARRAY(BITMAP_AND(BITMAP_BUILD(ARRAY[1, 2]), BITMAP_BUILD(ARRAY[2, 3]))) ; BITMAP_TO_ARRAY(BITMAP_OR(BITMAP_BUILD(ARRAY[1, 2]), BITMAP_BUILD(ARRAY[2, 3]))) ; BITMAP_TO_ARRAY(BITMAP_XOR(BITMAP_BUILD(ARRAY[1, 2]), BITMAP_BUILD(ARRAY[2, 3]))) ; BITMAP_TO_ARRAY(BITMAP_ANDNOT(BITMAP_BUILD(ARRAY[1, 2]), BITMAP_BUILD(ARRAY[2, 3]))) ; BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[1, 2, 5])) ; BITMAP_BUILD(ARRAY[1, 2]) ; BITMAP_TO_STRING(BITMAP_FROM_BYTES(BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[7])))) ; BITMAP_CARDINALITY(BITMAP_BUILD(CAST(NULL AS ARRAY<INT>))) ; BITMAP_TO_STRING(BITMAP_BUILD(ARRAY[1, inull])) ; BITMAP_TO_STRING(BITMAP_BUILD(ARRAY[-1, 3])) ; BITMAP_TO_ARRAY(BITMAP_BUILD(ARRAY[-1, 3, 0])) ; BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[100000, 1])) ; BITMAP_FROM_BYTES(byt) ; BITMAP_CARDINALITY(BITMAP_AND(BITMAP_BUILD(arr), BITMAP_BUILD(arr))) ; BITMAP_TO_STRING(BITMAP_AND(BITMAP_BUILD(arr), CAST(NULL AS BITMAP))) ; BITMAP_CARDINALITY(BITMAP_OR(BITMAP_BUILD(arr), BITMAP_BUILD(ARRAY[9]))) ; BITMAP_TO_STRING(BITMAP_OR(BITMAP_BUILD(arr), BITMAP_BUILD(ARRAY[9]))) ; BITMAP_TO_STRING(BITMAP_XOR(BITMAP_BUILD(arr), BITMAP_BUILD(ARRAY[9, 1]))) ; BITMAP_TO_STRING(BITMAP_ANDNOT(BITMAP_BUILD(arr), BITMAP_BUILD(ARRAY[9, 1]))) ; BITMAP_CARDINALITY(BITMAP_XOR(BITMAP_BUILD(arr), BITMAP_BUILD(arr))) ; BITMAP_CARDINALITY(BITMAP_ANDNOT(BITMAP_BUILD(arr), BITMAP_BUILD(arr))) ; TYPEOF(BITMAP_BUILD(arr))
    """,
    "more_times": """
        CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles') ; CONVERT_TZ('2020-07-01 12:00:00', 'Europe/Berlin', 'UTC') ; CONVERT_TZ('nope', 'UTC', 'UTC') ; CONVERT_TZ('2020-03-29 02:30:00', 'Europe/Berlin', 'UTC') ; CONVERT_TZ(snull, 'UTC', 'UTC') ; CONVERT_TZ('2020-01-01 00:00:00', 'Nope/Zone', 'UTC') ; CONVERT_TZ('2020-01-01', 'UTC', 'Asia/Tokyo') ; CONVERT_TZ('2020-10-25 02:30:00', 'Europe/Berlin', 'UTC') ; CONVERT_TZ('2020-01-01 00:00:00.5', 'UTC', 'Asia/Tokyo') ; CONVERT_TZ('2020-01-01 00:00:00', 'GMT+02:00', 'UTC') ; CONVERT_TZ('2020-01-01 00:00:00', 'EST', 'UTC')
        TYPEOF(NOW()) ; TYPEOF(LOCALTIME) ; TYPEOF(PROCTIME()) ; TYPEOF(CURRENT_WATERMARK(ts)) ; TYPEOF(LOCALTIMESTAMP) ; TYPEOF(CURRENT_TIME) ; TYPEOF(CURRENT_DATE) ; TYPEOF(CURRENT_TIMESTAMP) ; NOW() > TO_TIMESTAMP_LTZ(0, 3) ; CURRENT_DATE > DATE '2020-01-01' ; LOCALTIME >= TIME '00:00:00'
        (TIME '2:55:00', INTERVAL '1' HOUR) OVERLAPS (TIME '3:30:00', INTERVAL '2' HOUR) ; (TIME '9:00:00', TIME '10:00:00') OVERLAPS (TIME '10:15:00', INTERVAL '3' HOUR) ; (dt, INTERVAL '1' DAY) OVERLAPS (DATE '2020-03-01', INTERVAL '1' DAY) ; (ts, TIMESTAMP '2020-03-01 00:00:00') OVERLAPS (TIMESTAMP '2020-02-29 00:00:00', ts) ; (ts, ts) OVERLAPS (ts, ts) ; (dt, DATE '2020-01-01') OVERLAPS (DATE '2020-02-01', DATE '2020-02-10') ; (ts, CAST(NULL AS TIMESTAMP(3))) OVERLAPS (ts, ts)
        (ts - TIMESTAMP '2020-01-01 00:00:00') DAY ; (TIMESTAMP '2020-03-01 12:00:00' - ts) HOUR ; (ts - TIMESTAMP '2019-01-31 00:00:00') MONTH ; (dt - DATE '2020-01-01') DAY ; (ts - TIMESTAMP '2020-02-29 13:00:00') SECOND ; (dt - DATE '2000-01-01') YEAR ; (ts - dt) DAY ; (tm - TIME '01:00:00') HOUR ; (tm - TIME '01:00:00') MINUTE ; (TIMESTAMP '2020-01-01 00:00:00' - ts) DAY ; (DATE '2020-01-01' - dt) MONTH
        DATE_FORMAT(ts, 'yyyy-''W''ww') ; DATE_FORMAT(ts, 'Y') ; DATE_FORMAT(ts, 'YYYY-MM-dd') ; DATE_FORMAT(ts, 'w W') ; DATE_FORMAT(ts, 'F') ; DATE_FORMAT(ts, 'A') ; DATE_FORMAT(ts, 'n') ; DATE_FORMAT(ts, 'N') ; DATE_FORMAT(ts, 'e') ; DATE_FORMAT(ts, 'ee') ; DATE_FORMAT(ts, 'eee') ; DATE_FORMAT(ts, 'c') ; DATE_FORMAT(ts, 'EEEEE') ; DATE_FORMAT(ts, 'MMMMM') ; DATE_FORMAT(ts, 'yyyy[ MM]') ; DATE_FORMAT(ts, 'ppppd') ; DATE_FORMAT(ts, 'SSSSSSSSS') ; DATE_FORMAT(ts, 'B') ; DATE_FORMAT(ts, 'VV') ; DATE_FORMAT(ts, 'z') ; DATE_FORMAT(ts, 'X') ; DATE_FORMAT(ts, 'g') ; DATE_FORMAT(ts, 'QQQQ') ; DATE_FORMAT(ts, 'LLL') ; DATE_FORMAT(ts, 'yyy') ; DATE_FORMAT(ts, 'yyyyy') ; DATE_FORMAT(ts, 'DDD') ; DATE_FORMAT(ts, 'HHH') ; DATE_FORMAT(ts, 'GGGGG') ; DATE_FORMAT(ts, 'aa') ; DATE_FORMAT(ts, 'EE') ; DATE_FORMAT(ts, 'uuuu') ; DATE_FORMAT(ts, '') ; DATE_FORMAT(ts, 'yyyy#MM') ; DATE_FORMAT(ts, 'yyyy{MM}') ; DATE_FORMAT(ts, '''') ; DATE_FORMAT(ts, 'yyyy é MM') ; DATE_FORMAT(TO_TIMESTAMP_LTZ(0, 3), 'z') ; DATE_FORMAT(TO_TIMESTAMP_LTZ(0, 3), 'XXX') ; DATE_FORMAT(ts, 'Z')
        FROM_UNIXTIME(1582971072, 'YYYY ww W') ; FROM_UNIXTIME(1582971072, 'u F E') ; FROM_UNIXTIME(1582971072, 'z Z X XX XXX') ; FROM_UNIXTIME(1582971072, 'yyyy-MM-dd''T''HH:mm:ss') ; FROM_UNIXTIME(1582971072, 'MMM MMMM MMMMM') ; FROM_UNIXTIME(1582971072, 'EEE EEEE EEEEE') ; FROM_UNIXTIME(1582971072, 'D DDD k K h a') ; FROM_UNIXTIME(1582971072, 'y yy yyy yyyyy') ; FROM_UNIXTIME(1582971072, 'S SSS') ; FROM_UNIXTIME(1582971072, 'G GG') ; FROM_UNIXTIME(1582971072, 'L LLL') ; FROM_UNIXTIME(1582971072, 'Q') ; FROM_UNIXTIME(1582971072, 'HHH') ; FROM_UNIXTIME(1582971072, 'zzzz') ; FROM_UNIXTIME(1582971072, '[yyyy]') ; FROM_UNIXTIME(1582971072, '''') ; FROM_UNIXTIME(1582971072, 'dddd') ; FROM_UNIXTIME(1582971072, 'e') ; FROM_UNIXTIME(1582971072, '') ; FROM_UNIXTIME(1582971072, 'aa')
        TO_TIMESTAMP('2020-02-29 +01:00', 'yyyy-MM-dd XXX') ; TO_TIMESTAMP('2020-W09-6', 'YYYY-''W''ww-e') ; TO_TIMESTAMP('2020[02]', 'yyyy''[''MM'']''') ; TO_TIMESTAMP('2020 02', 'yyyy[ MM]') ; TO_TIMESTAMP('2020', 'yyyy[ MM]') ; TO_TIMESTAMP('2020-060', 'yyyy-DDD') ; TO_TIMESTAMP('AD 2020', 'G yyyy') ; TO_TIMESTAMP('2020 Q2', 'yyyy QQQ') ; TO_TIMESTAMP('02/29/20', 'MM/dd/yy') ; TO_TIMESTAMP('Saturday, 29 February 2020', 'EEEE, d MMMM yyyy') ; TO_TIMESTAMP('2020-02-29 10:11:12.123456', 'yyyy-MM-dd HH:mm:ss.SSSSSS') ; TO_TIMESTAMP('3661', 'A') ; TO_TIMESTAMP('20-02-29', 'uu-MM-dd') ; TO_TIMESTAMP('2020-02-29 UTC', 'yyyy-MM-dd z') ; TO_TIMESTAMP('2020-02-29 10 PM', 'yyyy-MM-dd h a') ; TO_TIMESTAMP('2020 February', 'yyyy LLLL')
        EXTRACT(HOUR FROM INTERVAL '26' HOUR) ; EXTRACT(MINUTE FROM INTERVAL '90' MINUTE) ; EXTRACT(MILLISECOND FROM INTERVAL '1.5' SECOND) ; EXTRACT(EPOCH FROM INTERVAL '1' DAY) ; EXTRACT(QUARTER FROM INTERVAL '14' MONTH) ; EXTRACT(DECADE FROM INTERVAL '25' YEAR(3)) ; EXTRACT(CENTURY FROM INTERVAL '250' YEAR(3)) ; EXTRACT(MONTH FROM INTERVAL '26' HOUR) ; EXTRACT(YEAR FROM INTERVAL '26' HOUR) ; EXTRACT(DAY FROM INTERVAL '14' MONTH) ; EXTRACT(WEEK FROM INTERVAL '26' HOUR) ; EXTRACT(QUARTER FROM INTERVAL '26' HOUR) ; EXTRACT(HOUR FROM INTERVAL '-26' HOUR) ; EXTRACT(MICROSECOND FROM INTERVAL '1.5' SECOND) ; EXTRACT(DAY FROM INTERVAL '-26' HOUR) ; EXTRACT(MONTH FROM INTERVAL '-14' MONTH) ; EXTRACT(EPOCH FROM INTERVAL '14' MONTH) ; EXTRACT(MILLENNIUM FROM INTERVAL '2500' YEAR(4)) ; EXTRACT(DOW FROM INTERVAL '1' DAY) ; EXTRACT(SECOND FROM INTERVAL '1.5' SECOND)
    """,
    "implicit": """
        t = 1 ; t = '1' ; t = i ; snum = t ; t IN ('true', 'x') ; i IN ('7', 'x') ; snum IN (42, 43) ; CASE WHEN t THEN 1 ELSE 'x' END ; CASE WHEN t THEN 'x' ELSE 1 END ; CASE i WHEN '7' THEN 1 ELSE 0 END ; CASE snum WHEN 42 THEN 1 END ; CASE WHEN t THEN t ELSE 'x' END ; CASE WHEN t THEN t ELSE 1 END ; CASE WHEN t THEN dt ELSE 'x' END ; CASE WHEN t THEN ts ELSE dt END ; CASE t WHEN 'true' THEN 1 END ; CASE t WHEN 1 THEN 1 END ; NULLIF(snum, 42) ; NULLIF(t, 'true') ; NULLIF(t, 1) ; NULLIF('a', 1) ; NULLIF(i, 'x') ; NULLIF(snum, i) ; COALESCE(t, 'x') ; COALESCE(str, 1) ; COALESCE(snull, i) ; COALESCE(t, 1) ; GREATEST(str, i) ; IF(t, 1, 'x') ; IF(t, 'x', 1) ; IF(t, t, 'x') ; sabc = i ; t <> 'false' ; t > '0' ; snum <> i ; snum = lmax ; snum = f ; snum = d ; t BETWEEN '0' AND '1' ; d IN ('1.5', '2') ; f IN ('2.5') ; snum IN (i, lmax) ; t IS DISTINCT FROM 'true' ; i IS DISTINCT FROM '7' ; snum IS DISTINCT FROM 42 ; ARRAY['a', i] ; dt IN ('2020-02-29') ; ts IN ('2020-02-29 13:14:15.678') ; t = snum ; snum = 42.0 ; str || 1 ; str || t ; IFNULL(snull, 1) ; IFNULL(inull, 'x') ; str < 5 ; snum < 50 ; sabc < 5 ; t < 1 ; t IN (1, 0) ; t IN (TRUE, 'x')
        i % s ; s % i ; MOD(lmax, tmin) ; MOD(tmin, lmax) ; d % i ; i % d ; MOD(d, lmax) ; lmax % d ; MOD(i, 2.5) ; d % dneg ; dbig % d ; d % dbig ; CAST(7 AS TINYINT) % d ; s % d ; dwhole % s ; MOD(CAST(7 AS DECIMAL(20, 5)), CAST(3 AS DECIMAL(5, 1))) ; f % d ; MOD(f, d) ; f32 % i
        CAST(sabc AS CHAR(2)) ; CAST(sabc AS VARCHAR(2)) ; CAST(i AS CHAR(3)) ; CAST(i AS CHAR(3)) || '|' ; CAST(lmax AS CHAR(5)) ; CAST(lmax AS VARCHAR(5)) ; CAST(t AS CHAR(6)) || '|' ; CAST(d AS VARCHAR(2)) ; CAST(f AS CHAR(5)) || '|' ; CAST(dt AS VARCHAR(4)) ; CAST(ts AS CHAR(30)) || '|' ; CAST(arr AS CHAR(12)) || '|' ; CAST(inull AS CHAR(3)) ; TRY_CAST(i AS VARCHAR(3)) ; TRY_CAST(i AS CHAR(3)) || '|' ; CAST(ARRAY['abc'] AS ARRAY<VARCHAR(2)>) ; CAST(ARRAY['a'] AS ARRAY<CHAR(3)>) ; CAST(byt AS VARCHAR(1)) ; CAST(ROW('abc') AS ROW<a CHAR(2)>) ; CAST(CAST('ab' AS CHAR(4)) AS STRING) || '|' ; CAST(CAST(sabc AS CHAR(5)) AS CHAR(4)) || '|' ; CAST(m AS VARCHAR(3)) ; CAST(imin AS CHAR(20)) || '|' ; CAST(INTERVAL '1' DAY AS CHAR(30)) || '|'
        INSTR(str, 'l', 0, 1) ; INSTR(str, 'l', zero) ; INSTR(sempty, '', 0) ; TRANSLATE(str, 'l', NULL) ; TRANSLATE(str, NULL, 'l') ; TRANSLATE(NULL, 'a', 'b') ; TRANSLATE(snull, snull, snull) ; TRANSLATE('aa', 'aa', 'bc')
    """,
    "implicit_casts": """
        i = snum ; 42 = snum ; sabc = 1 ; snum < i ; d = snum ; snull = i ; i = t ; 1 = t
        t < snum ; i < t ; i IN (snum, '7') ; t IN ('true') ; t IN ('x', 'true') ; snum IN (i, 42) ; sabc IN (1, 2) ; snum NOT IN (1, 2)
        NULLIF(i, snum) ; NULLIF(t, i) ; NULLIF(f, snum) ; NULLIF(snum, f) ; CASE i WHEN snum THEN 1 ELSE 2 END ; CASE snum WHEN 42 THEN 1 ELSE 2 END ; CASE sabc WHEN 42 THEN 1 ELSE 2 END ; CASE t WHEN 'true' THEN 1 ELSE 2 END
        CASE t WHEN 1 THEN 1 ELSE 2 END ; CASE WHEN t THEN 1 ELSE 'a' END ; CASE WHEN t THEN i ELSE sabc END ; CASE WHEN fa THEN i ELSE sabc END ; CASE WHEN t THEN f ELSE sabc END ; CASE WHEN t THEN t ELSE sabc END ; CASE WHEN t THEN ts ELSE sabc END ; CASE WHEN fa THEN t ELSE i END
        COALESCE(i, sabc) ; COALESCE(inull, sabc) ; COALESCE(t, sabc) ; IF(t, i, sabc) ; snum BETWEEN 1 AND 50 ; i BETWEEN '0' AND snum ; i BETWEEN snum AND 50 ; snum * i
        1 - snum ; sdate = dt ; CASE WHEN t THEN 1 ELSE TRUE END ; GREATEST(i, snum) ; d IN ('1.5', '1.50') ; d IN (snum) ; sdec = d ; sdec > 3
        t = soff ; soff = fa ; t IS DISTINCT FROM snum ; snum IS NOT DISTINCT FROM 42 ; t = 't' ; t = 'yes' ; t <> 'true'
    """,
    "pattern_letters": """
        DATE_FORMAT(ts, 'w') ; DATE_FORMAT(ts, 'ww') ; DATE_FORMAT(ts, 'W') ; DATE_FORMAT(ts, 'YYYY') ; DATE_FORMAT(ts, 'YY') ; DATE_FORMAT(ts, 'AAA') ; DATE_FORMAT(ts, 'XXX') ; DATE_FORMAT(ts, 'x')
        DATE_FORMAT(ts, 'xxx') ; DATE_FORMAT(ts, 'O') ; DATE_FORMAT(ts, 'b') ; DATE_FORMAT(ts, 'p') ; DATE_FORMAT(ts, 'ppH') ; DATE_FORMAT(ts, '[yyyy]') ; DATE_FORMAT(ts, 'QQQQQ') ; DATE_FORMAT(ts, 'y')
        DATE_FORMAT(ts, 'nnnnnnnnn') ; DATE_FORMAT(ts, 'DD') ; DATE_FORMAT(ts, 'LLLL') ; DATE_FORMAT(ts, 'LLLLL') ; DATE_FORMAT(ts, 'qqq') ; DATE_FORMAT(ts, 'yyyyMMddHHmmssSSS') ; DATE_FORMAT(ts, 'uuuu-MM-dd') ; DATE_FORMAT(ts, 'M/d/yyyy')
        DATE_FORMAT(ts, 'EEEE, MMMM dd, yyyy h:mm a') ; FROM_UNIXTIME(1583000000, 'w') ; FROM_UNIXTIME(1583000000, 'ww') ; FROM_UNIXTIME(1583000000, 'W') ; FROM_UNIXTIME(1583000000, 'F') ; FROM_UNIXTIME(1583000000, 'u') ; FROM_UNIXTIME(1583000000, 'Y') ; FROM_UNIXTIME(1583000000, 'YYYY')
        FROM_UNIXTIME(1583000000, 'L') ; FROM_UNIXTIME(1583000000, 'LLL') ; FROM_UNIXTIME(1583000000, 'D') ; FROM_UNIXTIME(1583000000, 'k') ; FROM_UNIXTIME(1583000000, 'K') ; FROM_UNIXTIME(1583000000, 'S') ; FROM_UNIXTIME(1583000000, 'SSS') ; FROM_UNIXTIME(1583000000, 'X')
        FROM_UNIXTIME(1583000000, 'XX') ; FROM_UNIXTIME(1583000000, 'XXX') ; FROM_UNIXTIME(1583000000, 'Z') ; FROM_UNIXTIME(1583000000, 'z') ; FROM_UNIXTIME(1583000000, 'zzzz') ; FROM_UNIXTIME(1583000000, 'a') ; FROM_UNIXTIME(1583000000, 'aa') ; FROM_UNIXTIME(1583000000, 'aaaa')
        FROM_UNIXTIME(1583000000, 'EEEEE') ; FROM_UNIXTIME(1583000000, 'GGGG') ; FROM_UNIXTIME(1583000000, 'MMMMM') ; FROM_UNIXTIME(1583000000, 'yyyyy') ; FROM_UNIXTIME(1583000000, 'y') ; FROM_UNIXTIME(1583000000, 'yy') ; FROM_UNIXTIME(1583000000, 'yyy') ; FROM_UNIXTIME(1583000000, 'uu')
        FROM_UNIXTIME(1583000000, 'FF') ; FROM_UNIXTIME(1583000000, 'HHHH') ; FROM_UNIXTIME(1583000000, 'd''d') ; FROM_UNIXTIME(1583000000, 'MMM d, yyyy') ; FROM_UNIXTIME(1583000000, 'EEEE') ; TO_TIMESTAMP('2026-01-02T03:04:05+02:00', 'yyyy-MM-dd''T''HH:mm:ssXXX') ; TO_TIMESTAMP('2026-01-02 03:04:05Z', 'yyyy-MM-dd HH:mm:ssX') ; TO_TIMESTAMP('2026-01-02 03:04:05 +0200', 'yyyy-MM-dd HH:mm:ss Z')
        TO_TIMESTAMP('2026-01-02 UTC', 'yyyy-MM-dd z') ; TO_TIMESTAMP('2026-01-02 Europe/Berlin', 'yyyy-MM-dd VV') ; TO_TIMESTAMP('2026-W05-1', 'YYYY-''W''ww-e') ; TO_TIMESTAMP('2026-01-02 10', 'yyyy-MM-dd A') ; TO_TIMESTAMP('2026-01-02 1000000', 'yyyy-MM-dd n') ; TO_TIMESTAMP('2026-01-02', 'yyyy-MM-dd[ HH:mm]') ; TO_TIMESTAMP('2026-01-02 03:04', 'yyyy-MM-dd[ HH:mm]') ; TO_TIMESTAMP('2026-Q1', 'yyyy-QQQ')
        TO_TIMESTAMP('2026-01-02 3', 'yyyy-MM-dd ppH') ; TO_TIMESTAMP('2 January 2026', 'd MMMM yyyy') ; TO_TIMESTAMP('Friday 2 January 2026', 'EEEE d MMMM yyyy') ; TO_TIMESTAMP('20260102030405123', 'yyyyMMddHHmmssSSS') ; TO_TIMESTAMP('2026-1-2 3:4:5', 'yyyy-M-d H:m:s') ; TO_TIMESTAMP('99-01-02', 'yy-MM-dd') ; TO_TIMESTAMP('2026-01-02 03:04:05.1', 'yyyy-MM-dd HH:mm:ss.S') ; TO_TIMESTAMP('2026-01-02 03:04:05.123456789', 'yyyy-MM-dd HH:mm:ss.SSSSSSSSS')
        TO_TIMESTAMP('12/31/2025 11:59 PM', 'MM/dd/yyyy hh:mm a') ; TO_TIMESTAMP('31.12.2025', 'dd.MM.yyyy') ; TO_TIMESTAMP('2025-12-31 24:00:00', 'yyyy-MM-dd HH:mm:ss') ; TO_TIMESTAMP('2025-12-31 24:00:00', 'yyyy-MM-dd kk:mm:ss') ; TO_TIMESTAMP('J 2 2026', 'MMMMM d yyyy') ; TO_TIMESTAMP('2026-01-02 AD', 'yyyy-MM-dd G') ; TO_TIMESTAMP('0001-01-02 BC', 'yyyy-MM-dd G') ; TO_TIMESTAMP('2026 1', 'yyyy D')
        TO_TIMESTAMP('12026-01-02', 'yyyyy-MM-dd') ; UNIX_TIMESTAMP('2026-01-02 03:04:05 +0200', 'yyyy-MM-dd HH:mm:ss Z') ; UNIX_TIMESTAMP('2026-01-02T03:04:05+02:00', 'yyyy-MM-dd''T''HH:mm:ssXXX') ; UNIX_TIMESTAMP('2026-01-02 UTC', 'yyyy-MM-dd z') ; UNIX_TIMESTAMP('2026 05', 'YYYY ww') ; UNIX_TIMESTAMP('2026 05 1', 'YYYY ww u') ; UNIX_TIMESTAMP('Jan 2, 2026', 'MMM d, yyyy')
    """,
}


# Types, values as text, and the aggregates of them.
AGGREGATES = [
    ("DOUBLE", ["1", "NaN", "2", "NaN", "-0.0", "0.0"], ["COUNT(DISTINCT x)", "MIN(x)", "FIRST_VALUE(x)", "SUM(x)"]),
    ("DOUBLE", ["NaN", "1", "2"], ["COUNT(DISTINCT x)", "MAX(x)", "MIN(x)", "AVG(x)"]),
    ("DOUBLE", ["0.0", "-0.0"], ["COUNT(DISTINCT x)", "SUM(DISTINCT x)"]),
    ("FLOAT", ["NaN", "1", "NaN"], ["COUNT(DISTINCT x)", "MAX(x)"]),
    (
        "DECIMAL(10, 2)",
        ["1.50", "2.25", "4.00"],
        ["STDDEV_POP(x)", "STDDEV_SAMP(x)", "VAR_POP(x)", "VAR_SAMP(x)", "STDDEV(x)", "VARIANCE(x)", "AVG(x)", "SUM(x)"],
    ),
    ("DECIMAL(12, 8)", ["1.5", "2.25", "4"], ["STDDEV_POP(x)", "STDDEV_SAMP(x)", "VAR_POP(x)", "VAR_SAMP(x)"]),
    ("DECIMAL(10, 2)", ["1.50"], ["STDDEV_POP(x)", "STDDEV_SAMP(x)", "VAR_POP(x)", "VAR_SAMP(x)"]),
    ("INT", ["1", "2", "4"], ["STDDEV_POP(x)", "VAR_SAMP(x)", "FIRST_VALUE(ARRAY[x])", "LAST_VALUE(MAP['a', x])"]),
    ("INT", ["1", "2", "4"], ["LAST_VALUE(ROW(x, 'a'))", "FIRST_VALUE(MAP['a', x])", "COUNT(DISTINCT x)"]),
]


def expressions():
    for group, text in GROUPS.items():
        for line in text.strip().splitlines():
            for expression in line.split(" ; "):
                yield group, expression.strip().replace("\\\\", "\\").replace("$NAN", NAN)


def our_type(flink):
    """Flink's type as lotic writes it: `VARCHAR(2147483647) NOT NULL` is `string`."""
    text = flink
    text = text.replace(" NOT NULL", "").replace("VARCHAR(2147483647)", "string")
    text = re.sub(r"\b(VAR)?CHAR\(\d+\)", "string", text)
    text = re.sub(r"\b(VAR)?BINARY\(\d+\)", "bytes", text)
    text = re.sub(r"TIMESTAMP\(\d\) WITH LOCAL TIME ZONE|TIMESTAMP_LTZ\(\d\)", "timestamp_ltz(3)", text)
    text = re.sub(r"\bTIMESTAMP\(\d\)", "timestamp(3)", text)
    text = re.sub(r"\bTIME\(\d\)", "time", text)
    text = re.sub(r"INTERVAL (?:DAY|HOUR|MINUTE|SECOND)[\w() ]*", "interval day to second", text)
    text = re.sub(r"INTERVAL (?:YEAR|MONTH)[\w() ]*", "interval year to month", text)
    return text.lower().replace("`", "")


def cause(error):
    """The innermost message of a Java exception, without addresses and stack traces."""
    java = getattr(error, "java_exception", None)
    if java is None:
        return str(error).strip()[:200]
    while java.getCause() is not None:
        java = java.getCause()
    message = str(java.getMessage() or "").strip().splitlines()
    return f"{java.getClass().getSimpleName()}: {message[0] if message else ''}"[:200]


def select(env, expressions):
    """The types and printed values of `expressions`, in one SELECT."""
    columns = ", ".join(f"{expression} AS c{n}" for n, expression in enumerate(expressions))
    table = env.sql_query(f"SELECT {columns} FROM one_row")
    types = [str(column.getDataType().toString()) for column in
             table._j_table.getResolvedSchema().getColumns()]
    result = table.execute()._j_table_result
    rows = result.collectInternal()
    converter = result.getRowDataToStringConverter()
    row = rows.next()
    texts = list(converter.convert(row))
    nulls = [bool(row.isNullAt(n)) for n in range(len(types))]
    rows.close()
    return types, [None if null else text for text, null in zip(texts, nulls)]


def type_of(env, expression):
    try:
        table = env.sql_query(f"SELECT {expression} AS c0 FROM one_row")
        return str(table._j_table.getResolvedSchema().getColumns().get(0).getDataType().toString())
    except Exception:  # the caller reports why
        return None


def ask(env, group, expressions):
    try:
        types, values = select(env, expressions)
        return [
            {"group": group, "expr": e, "type": our_type(t), "flink_type": t, "value": v}
            for e, t, v in zip(expressions, types, values)
        ]
    except Exception as error:
        if len(expressions) == 1:
            flink = type_of(env, expressions[0])
            ours = our_type(flink) if flink else None
            return [{"group": group, "expr": expressions[0], "type": ours, "flink_type": flink, "error": cause(error)}]
        middle = len(expressions) // 2
        return ask(env, group, expressions[:middle]) + ask(env, group, expressions[middle:])


def aggregates(env):
    """The last results of AGGREGATES."""
    for number, (of, values, calls) in enumerate(AGGREGATES):
        table = f"numbers_{number}"
        env.execute_sql(
            f"CREATE TEMPORARY TABLE {table} (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '{len(values)}', "
            f"'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{len(values)}')"
        )
        picks = " ".join(f"WHEN {n + 1} THEN '{value}'" for n, value in enumerate(values))
        view = f"SELECT CAST(CASE n {picks} END AS {of}) AS x FROM {table}"
        for call in calls:
            table_of_call = env.sql_query(f"SELECT {call} AS c0 FROM ({view})")
            column = table_of_call._j_table.getResolvedSchema().getColumns().get(0)
            result = table_of_call.execute()._j_table_result
            rows, converter = result.collectInternal(), result.getRowDataToStringConverter()
            value = None
            while rows.hasNext():
                row = rows.next()
                value = None if row.isNullAt(0) else list(converter.convert(row))[0]
            rows.close()
            flink = str(column.getDataType().toString())
            yield {"call": call, "of": of, "values": values, "type": our_type(flink), "flink_type": flink, "value": value}


def main():
    env = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    env.get_config().set("table.local-time-zone", "UTC")
    env.get_config().set("parallelism.default", "1")
    # A source that the planner can't see through: constants are folded away, columns of a sequence are not.
    env.execute_sql(
        "CREATE TEMPORARY TABLE seed (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1', "
        "'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1')"
    )
    picks = ", ".join(f"CASE WHEN n > 0 THEN {expr} END AS {name}" for name, expr in COLUMNS.items())
    env.execute_sql(f"CREATE TEMPORARY VIEW one_row AS SELECT {picks} FROM seed")
    found = []
    pending = {}
    for group, expression in expressions():
        pending.setdefault(group, []).append(expression)
    target = pathlib.Path(__file__).with_suffix(".json")
    kept = json.loads(target.read_text()) if sys.argv[1:] else {"expressions": []}
    for group, all_of_group in pending.items():
        if sys.argv[1:] and group not in sys.argv[1:]:
            found += [entry for entry in kept["expressions"] if entry["group"] == group]
            continue
        for start in range(0, len(all_of_group), 16):
            found += ask(env, group, all_of_group[start : start + 16])
            print(group, start, flush=True)
    columns = [{"name": name, "expr": expr} for name, expr in COLUMNS.items()]

    def rows(entries):
        return ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in entries)

    sections = {"columns": columns, "expressions": found, "aggregates": kept["aggregates"] if sys.argv[1:] and "aggregates" not in sys.argv[1:] else list(aggregates(env))}
    text = ",\n".join(f'  "{name}": [\n{rows(entries)}\n  ]' for name, entries in sections.items())
    target.write_text(f"{{\n{text}\n}}\n")


if __name__ == "__main__":
    main()
