// Emitter::LineMarks finds the statements of which no word is left in the code and adds the jumps that stand
// for them to whoever observes lines (CodeUnit::line_marks). It works on what assemble() has laid out.
#pragma once

#include "lang/emitter.h"

namespace mp::lang {

class Emitter::LineMarks {
 public:
  // Sizes are in words; an item of size 0 is passed through, its label stands for what comes behind it.
  LineMarks(Emitter& emitter, const Source& source, const std::vector<uint32_t>& order,
            std::vector<uint8_t>& size);
  // Where both ways of a condition lead to one place, and a line lies on one of them, that line gets its
  // word.
  void keep_ambiguous();
  // Fills the unit's line_marks; the jumps in added() belong behind the code, which ends at `end`.
  void place(const std::vector<uint32_t>& pcs, const std::vector<uint8_t>& is_far, uint32_t end);
  const std::vector<Item>& added() const { return added_; }

 private:
  struct Added {
    uint32_t item, target;
  };
  uint32_t count() const { return static_cast<uint32_t>(emitter_.items_.size()); }
  uint32_t next(uint32_t item) const;    // in the order of the code
  uint32_t behind(uint32_t item) const;  // where the item falls through to
  uint32_t step(uint32_t item) const;    // where an item without words, or a jump, leads
  uint32_t real(uint32_t item) const;    // the first item with words from there on
  uint32_t target(const Item& item) const {
    return static_cast<uint32_t>(emitter_.labels_[item.target].item);
  }
  uint32_t line(uint32_t item) const;
  void add(uint32_t from, uint32_t from_line, uint32_t first, uint32_t last);

  Emitter& emitter_;
  const Source& source_;
  const std::vector<uint32_t>& order_;
  std::vector<uint8_t>& size_;
  const std::vector<uint32_t>* pcs_ = nullptr;
  uint32_t end_ = 0;
  std::vector<uint32_t> rank_;
  std::vector<Item> added_;
  std::vector<Added> keys_;
};

}  // namespace mp::lang
