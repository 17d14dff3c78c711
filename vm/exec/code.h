// CodeObject: a CodeUnit linked into one runtime: instruction words that specialise in place, constants as
// Values, interned names. It owns the code's caches and tables; it knows neither frames nor how instructions
// run.
#pragma once
#include <memory>

#include "lang/liveness.h"
#include "vm/types/containers.h"

namespace mp {

struct FunctionObject;
struct GeneratorObject;

// What a CacheEntry of an attribute says.
enum class CacheKind : uint8_t {
  ClassObject,    // `value` is the attribute of the class `type` itself
  InstanceClass,  // instances of `type` with `shape`: `value`, found on the class
  Member,         // instances of `type`: the Slot `number` words behind the object's start (__slots__)
  ShapeSlot,      // objects with `shape`: the Slot `number` words behind the object's start
  GetSet,         // instances of `type`: what the Getter in `number` computes
};
inline constexpr int kMaxAlternatives = 4;

// An immutable cell of an inline cache: instructions point at it with one atomic word. The code object keeps
// all of its entries alive, but not the types and values in them.
struct CacheEntry {
  CacheEntry* next = nullptr;  // of the same code object
  Type* type = nullptr;
  uint32_t type_version = 0;
  ShapeId shape = kNoShape;
  Slot value;
  uint64_t number = 0;          // what the kind of cache needs: a version, an index, a slot
  CacheEntry* other = nullptr;  // what else the site has seen (at most kMaxAlternatives in a row)
  CacheKind kind = CacheKind::ClassObject;
};

struct CodeData;  // what is not a Value: the CodeUnit, decoded line table; freed by a native finalizer

inline constexpr uint16_t kNeverExact = 0xffff;

struct CodeObject : Object {
  // --- read by every call
  Slot* constants = nullptr;  // raw cell
  lang::Instruction* instructions = nullptr;
  StrObject** names = nullptr;  // raw cell
  uint32_t register_count = 0;
  uint32_t first_temporary = 0;  // registers below it are locals and cells: always live
  uint32_t flags = 0;            // lang::CodeFlags
  uint16_t exact_positional =
      kNeverExact;  // a call with exactly this many positional arguments only needs them copied
  uint16_t argument_count = 0;
  uint16_t positional_only_count = 0;
  uint16_t keyword_only_count = 0;
  uint16_t parameter_count = 0;  // all parameters, *args and **kwargs included
  uint16_t local_count = 0, cell_count = 0, free_count = 0;
  // --- the rest
  uint32_t word_count = 0;
  uint32_t first_line = 0;
  // The collector looks here, not into the unit, which is in no cache when it comes.
  uint32_t constant_count = 0, name_count = 0, function_count = 0;
  bool constants_live_anyway = false;  // interned texts and what is no object
  const lang::CodeUnit* unit = nullptr;
  CodeData* data = nullptr;
  Slot name, qualified_name, filename;
  Slot local_names, cell_names, free_names;  // tuples of str
  Slot* functions = nullptr;                 // raw cell: linked on first use, see linked_function()
  Slot consts_view;                          // co_consts, made on demand
  std::atomic<CacheEntry*> cache_entries{nullptr};
  // Generators of this code that have ended and that nobody knows: used again, until the next collection.
  // Linked by their frames' `previous`; under the GIL only.
  GeneratorObject* spare_generators = nullptr;
  // The collector's last answer of lang::live_temporaries(); it alone touches these.
  uint64_t live_mask = 0;
  uint32_t live_word = UINT32_MAX;
  lang::Progress live_progress = lang::Progress::Unknown;

  uint32_t word_of(const lang::Instruction* pc) const { return static_cast<uint32_t>(pc - instructions); }
  bool is_generator_like() const {
    return (flags & (lang::kCodeGenerator | lang::kCodeCoroutine | lang::kCodeAsyncGenerator)) != 0;
  }
};

// Links a unit (not its nested functions: they follow on first use). The code object shares the ownership of
// the unit.
CodeObject* link_code(Thread& t, std::shared_ptr<const lang::CodeUnit> unit);
CodeObject* linked_function(Thread& t, CodeObject* code, size_t index);  // functions[index]
// Position tables; `word` counts instruction words. f_lasti and tb_lasti are twice the word (CPython counts
// bytes, two per code unit).
lang::CodePosition code_position(const CodeObject* code, uint32_t word);
int32_t code_line(const CodeObject* code, uint32_t word);  // -1: none
// The last line up to there: at the end of a module or a class body, which has none.
int32_t last_code_line(const CodeObject* code, uint32_t word);
// `lasting`: its texts are interned, for they will be asked for as long as the process lives.
Value constant_value(Thread& t, const lang::CodeConstant& constant, bool lasting = false);

}  // namespace mp
