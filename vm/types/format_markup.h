// The markup of str.format: literal text and replacement fields, as offsets into the text. It formats
// nothing.
#pragma once
#include "vm/types/str.h"

namespace mp {

struct MarkupField {
  size_t literal_begin = 0, literal_end = 0;
  bool present = false;  // a field follows the literal
  size_t name_begin = 0, name_end = 0;
  size_t spec_begin = 0, spec_end = 0;
  uint32_t conversion = 0;
  bool nested_spec = false;
};

class MarkupIterator {
 public:
  MarkupIterator(StrObject* text, size_t begin, size_t end) : text_(text), at_(begin), end_(end) {}
  Result<bool> next(Thread& t, MarkupField* field);  // false at the end

 private:
  Status parse_field(Thread& t, MarkupField* field);
  StrObject* text_;
  size_t at_, end_;
};

// ".name" or "[key]" after the first part of a field name.
struct FieldStep {
  bool is_attribute = false;
  int64_t index = -1;  // of "[12]"; -1: the key is the text
  size_t begin = 0, end = 0;
};
class FieldPath {
 public:
  FieldPath(StrObject* text, size_t begin, size_t end) : text_(text), at_(begin), end_(end) {}
  Result<bool> next(Thread& t, FieldStep* step);

 private:
  StrObject* text_;
  size_t at_, end_;
};

// The value of all-digit text, else -1.
Result<int64_t> markup_integer(Thread& t, const StrObject* s, size_t begin, size_t end);
size_t markup_first_end(const StrObject* s, size_t begin, size_t end);  // where the first '.' or '[' is

}  // namespace mp
