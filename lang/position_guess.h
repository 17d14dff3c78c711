// Where an instruction is likely to stand in the source, from the instructions before it and the names that
// it holds: `a.b` ends one dot and one name behind `a`, a call begins where its callee does. The serialised
// form (code_unit_columns.h) keeps the differences only.
#pragma once

#include <vector>

#include "lang/code_unit.h"

namespace mp::lang {

class PositionGuess {
 public:
  static constexpr int32_t kUnknown = -1;

  explicit PositionGuess(const CodeUnit& unit) : unit_(unit), places_(unit.register_count) {}
  // The entry of the instructions in [start, end).
  void begin(uint32_t start, uint32_t end);
  int32_t column() const { return begins_.column; }  // or kUnknown
  // Given the entry's column; kUnknown, or a column that may be any number.
  int32_t end_column(int32_t column) const;
  // What the entry's position was.
  void learn(const CodePosition& position);

 private:
  struct Place {
    int32_t column = kUnknown;
    int32_t end_column = kUnknown;
  };
  Place place(uint32_t reg) const { return reg < places_.size() ? places_[reg] : Place(); }
  int32_t name_length(uint32_t index) const {
    return index < unit_.names.size() ? static_cast<int32_t>(unit_.names[index].size()) : 0;
  }
  int32_t end_of(uint32_t reg, int32_t column) const;

  const CodeUnit& unit_;
  std::vector<Place> places_;  // of the expressions whose values the registers hold
  uint32_t start_ = 0, end_ = 0;
  Instruction key_{};  // the entry's first instruction that may raise, else its first
  Place begins_;       // the place of what it begins with
};

}  // namespace mp::lang
