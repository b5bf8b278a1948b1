"""Constants of Parquet's format (`parquet.thrift`): field numbers of a footer's structs, physical types, encodings."""

from __future__ import annotations

# of FileMetaData, RowGroup and ColumnChunk
ROW_GROUPS, COLUMNS, META_DATA = 4, 1, 3
# of ColumnMetaData
TYPE, ENCODINGS, CODEC, NUM_VALUES, UNCOMPRESSED, COMPRESSED = 1, 2, 4, 5, 6, 7
DATA_OFFSET, DICTIONARY_OFFSET, STATISTICS, ENCODING_STATS = 9, 11, 12, 13
# of Statistics
MAX, MIN, NULL_COUNT, MAX_VALUE, MIN_VALUE = 1, 2, 3, 5, 6

BOOLEAN, INT32, INT64, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = 0, 1, 2, 4, 5, 6, 7
PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
