// Writes what PositionReader (code_unit.h) reads.
#pragma once

#include "lang/code_unit.h"

namespace mp::lang {

class PositionWriter {
 public:
  // Replaces the positions of the unit.
  explicit PositionWriter(CodeUnit& unit)
      : bytes_(unit.positions), line_(static_cast<int32_t>(unit.first_line)) {
    bytes_.clear();
  }
  // The next `words` of the code; line 0: no position.
  void add(uint32_t words, const CodePosition& position) {
    end_ = entry_;
    varint(words);
    if (position.line == 0) {
      varint(0);
      varint(0);
    } else {
      place(position);
    }
    bytes_.insert(bytes_.end(), entry_, end_);
  }

 private:
  void place(const CodePosition& position) {
    int32_t delta = position.line - line_;
    line_ = position.line;
    varint((static_cast<uint32_t>(delta) << 1) ^ static_cast<uint32_t>(delta >> 31));
    varint(static_cast<uint32_t>(position.end_line - position.line + 1));
    varint(static_cast<uint32_t>(position.column + 1));
    varint(static_cast<uint32_t>(position.end_column + 1));
  }
  void varint(uint32_t value) {
    while (value >= 0x80) {
      *end_++ = static_cast<uint8_t>(value | 0x80);
      value >>= 7;
    }
    *end_++ = static_cast<uint8_t>(value);
  }

  std::vector<uint8_t>& bytes_;
  uint8_t entry_[5 * 5];  // five numbers of at most five bytes
  uint8_t* end_ = entry_;
  int32_t line_;
};

}  // namespace mp::lang
