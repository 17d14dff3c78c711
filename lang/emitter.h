// Emitter builds the code of one CodeUnit: instructions with labels, the stack of temporaries, the pools of
// constants and names, the current exception handler, and which locals are proven assigned. assemble() turns
// that into the final tables. It knows instructions, not syntax.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lang/arena.h"
#include "lang/code_unit.h"
#include "lang/diagnostic.h"
#include "lang/source.h"

namespace mp::lang {

using Reg = int32_t;
using Label = int32_t;
inline constexpr Label kNoLabel = -1;
inline constexpr int32_t kNoHandler = -1;

class Emitter {
 public:
  explicit Emitter(CodeUnit& unit) : unit_(unit) {}

  // ---- registers: a stack above the locals and cells
  void start_temporaries(Reg first) { top_ = max_ = first_temporary_ = first; }
  Reg top() const { return top_; }
  Reg push(int count = 1);  // the first of `count` new temporaries
  void release_to(Reg mark) { top_ = mark; }
  bool is_temporary(Reg reg) const { return reg >= first_temporary_; }

  // ---- instructions; nothing is emitted where the code cannot be reached
  void set_span(Span span) { span_ = span; }
  Span span() const { return span_; }
  void emit(Op op, Reg a = 0, Reg b = 0, Reg c = 0, int aux = 0);
  void emit_wide(Op op, Reg a, int32_t bc, int aux = 0);
  void emit_extra(Op op, Reg a, Reg b, Reg c, uint32_t extra, int aux = 0);
  void move(Reg to, Reg from);
  // The statement here has no instruction of its own; who observes lines passes it (CodeUnit::line_marks).
  void mark_line();
  // A jump of any kind: J32 goes in bc, J16 in c. Backward jumps name a label that is bound already.
  void jump(Op op, Label target, Reg a = 0, Reg b = 0, int aux = 0);
  // A jump that is a statement: it keeps its line where other jumps are led to its target directly.
  void jump_statement(Label target);

  // ---- labels
  Label new_label();
  void bind(Label label);
  // What was emitted last goes on at the label, which is bound later with only colder code in between.
  void flow_into(Label label);
  bool is_bound(Label label) const { return labels_[label].item >= 0; }
  bool at_label() const { return last_bound_item_ == static_cast<int32_t>(items_.size()); }
  bool is_used(Label label) const { return labels_[label].used; }
  bool reachable() const { return reachable_; }
  // What follows is reached from further down: a loop whose condition stands below its body.
  void resume() { reachable_ = true; }

  // ---- exception handlers: what is emitted from now on is guarded by this one
  int32_t new_handler(Label label, Reg exception_register, int depth);
  int32_t handler() const { return handler_; }
  void set_handler(int32_t handler) { handler_ = handler; }
  // Starts the code of a handler: label bound, exception register the only new temporary.
  void bind_handler(int32_t handler);

  // Code between these two runs rarely: it is placed behind everything else. It is entered by jumps only.
  void begin_cold() {
    if (++cold_ > coldest_) coldest_ = cold_;
  }
  void end_cold() { --cold_; }

  // ---- definite assignment of locals
  void track_locals(int count) { assigned_.assign((static_cast<size_t>(count) + 63) / 64, 0); }
  void set_deletable(std::vector<uint64_t> deletable) { deletable_ = std::move(deletable); }
  bool is_assigned(Reg local) const { return (assigned_[local >> 6] >> (local & 63)) & 1; }
  void mark_assigned(Reg local) { assigned_[local >> 6] |= uint64_t(1) << (local & 63); }
  void mark_unassigned(Reg local) { assigned_[local >> 6] &= ~(uint64_t(1) << (local & 63)); }
  // At a loop head and a handler: what the code ahead may delete is not proven.
  void forget_deletable();

  // ---- pools
  uint32_t constant(CodeConstant constant);
  uint32_t name(Identifier name);

  // ---- variables of inlined comprehensions
  size_t begin_scoped(Identifier name, Reg reg, bool is_cell);
  void end_scoped(size_t index);

  // Fills the unit's code and tables. False: too large (registers).
  bool assemble(const Source& source);

 private:
  struct Item {
    Instruction instruction;
    uint32_t extra;
    Label target;
    int32_t handler;
    uint32_t live;
    Span span;
    int cold;  // how deep in rarely run code
    bool has_position;
    bool mark = false;      // a line that must be seen even if no word is left of it
    bool taken_in = false;  // assembling: a jump that became part of the condition before it
    int32_t way = -1;       // assembling a jump: the item that it would go to if it were not led on
  };
  struct LabelState {
    int32_t item = -1;  // the item it stands before
    int cold = 0;
    bool used = false;
    std::vector<uint64_t> assigned;  // of all jumps to it so far
  };
  struct Handler {
    Label label;
    Reg exception_register;
    int depth;
    std::vector<uint64_t> assigned;
  };
  struct Scoped {
    uint32_t name;
    Reg reg;
    bool is_cell;
    Label start, end;
  };
  struct Placed {  // an item that has words in the code
    const Item* item;
    uint32_t pc;
  };
  class LineMarks;
  void append(Op op, Reg a, Reg b, Reg c, int aux, uint32_t extra, Label target);
  void merge_into(LabelState& label);
  Label follow(Label label) const;
  void encode_positions(const Source& source, const std::vector<Placed>& placed);

  CodeUnit& unit_;
  std::vector<Item> items_;
  std::vector<LabelState> labels_;
  std::vector<Handler> handlers_;
  std::vector<Scoped> scoped_;
  std::vector<uint64_t> assigned_, deletable_;
  std::unordered_multimap<uint64_t, uint32_t> constant_index_;
  std::unordered_map<const void*, uint32_t> name_index_;
  Span span_{};
  Reg top_ = 0, max_ = 0, first_temporary_ = 0;
  int32_t handler_ = kNoHandler;
  int32_t last_bound_item_ = 0;  // no instruction may be changed before it: a label stands there
  int cold_ = 0;
  int coldest_ = 0;
  bool reachable_ = true;
};

}  // namespace mp::lang
