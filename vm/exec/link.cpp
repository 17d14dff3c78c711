#include <algorithm>
#include <cstring>

#include "vm/exec/code_data.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

// As CPython: constants that look like identifiers are interned, so that attribute names in getattr(x,
// "name") hit by identity.
bool looks_like_identifier(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Value big_int_value(Thread& t, const std::string& hexadecimal) {
  mpz_t z;
  mpz_init(z);
  mpz_set_str(z, hexadecimal.c_str(), 16);
  Value v = make_int_mpz(t, z);
  mpz_clear(z);
  return v;
}

Value names_tuple(Thread& t, const std::vector<std::string>& names) {
  TupleObject* tuple = allocate_tuple(t, names.size());
  for (size_t i = 0; i < names.size(); ++i) tuple->items()[i] = Value(intern(t, names[i]));
  return tuple;
}

void free_code(Object* object) { delete static_cast<CodeObject*>(object)->data; }

}  // namespace

Value constant_value(Thread& t, const lang::CodeConstant& constant, bool lasting) {
  using K = lang::CodeConstant::Kind;
  switch (constant.kind) {
    case K::None: return kNone;
    case K::False: return kFalse;
    case K::True: return kTrue;
    case K::Ellipsis: return kEllipsis;
    case K::Int: return make_int(t, constant.integer);
    case K::BigInt: return big_int_value(t, constant.text);
    case K::Float: return make_float(t, constant.real);
    case K::Complex: return make_complex(t, constant.real, constant.imaginary);
    case K::String:
      if (lasting || looks_like_identifier(constant.text)) return intern(t, constant.text);
      return make_str(t, constant.text);
    case K::Bytes: return make_bytes(t, constant.text);
    case K::Tuple: {
      TupleObject* tuple = allocate_tuple(t, constant.items.size());
      for (size_t i = 0; i < constant.items.size(); ++i)
        tuple->items()[i] = constant_value(t, constant.items[i], lasting);
      return tuple;
    }
    case K::FrozenSet: {
      SetObject* set = make_set(t, t.types().frozenset);
      for (const lang::CodeConstant& item : constant.items) {
        if (set_add(t, set, constant_value(t, item, lasting)).is_error()) t.clear_exception();
      }
      return set;
    }
  }
  return kNone;
}

CodeObject* link_code(Thread& t, std::shared_ptr<const lang::CodeUnit> unit) {
  return link_code_parts(t, unit, unit);
}

CodeObject* link_code_parts(Thread& t, std::shared_ptr<const lang::CodeUnit> shared,
                            std::shared_ptr<const lang::CodeUnit> functions_of) {
  const lang::CodeUnit& unit = *shared;
  CodeObject* code = t.heap().make<CodeObject>(t, t.types().code);
  auto* data = new CodeData;
  data->unit = shared;
  data->functions_of = std::move(functions_of);
  data->words = unit.code;
  code->data = data;
  t.heap().register_native_finalizer(code, free_code);
  code->unit = &unit;
  code->instructions = reinterpret_cast<lang::Instruction*>(data->words.data());
  code->word_count = static_cast<uint32_t>(unit.code.size());
  code->register_count = unit.register_count;
  code->first_temporary = unit.first_temporary();
  code->flags = unit.flags;
  code->argument_count = unit.argument_count;
  code->positional_only_count = unit.positional_only_count;
  code->keyword_only_count = unit.keyword_only_count;
  code->local_count = unit.local_count;
  code->cell_count = unit.cell_count;
  code->free_count = unit.free_count;
  code->first_line = unit.first_line;
  code->constant_count = static_cast<uint32_t>(unit.constants.size());
  code->name_count = static_cast<uint32_t>(unit.names.size());
  code->function_count = static_cast<uint32_t>(data->functions_of->functions.size());
  code->live_word = UINT32_MAX;
  bool stars = (unit.flags & (lang::kCodeVarArgs | lang::kCodeVarKeywords)) != 0;
  code->parameter_count = static_cast<uint16_t>(unit.argument_count + unit.keyword_only_count +
                                                ((unit.flags & lang::kCodeVarArgs) ? 1 : 0) +
                                                ((unit.flags & lang::kCodeVarKeywords) ? 1 : 0));
  code->exact_positional = !stars && unit.keyword_only_count == 0 && (unit.flags & lang::kCodeOptimized) != 0
                               ? unit.argument_count
                               : kNeverExact;
  code->name = Value(intern(t, unit.name));
  code->qualified_name = Value(intern(t, unit.qualified_name));
  code->filename = Value(make_str(t, unit.filename ? *unit.filename : std::string("<string>")));
  code->local_names = names_tuple(t, unit.local_names);
  code->cell_names = names_tuple(t, unit.cell_names);
  code->free_names = names_tuple(t, unit.free_names);
  code->constants = static_cast<Slot*>(t.heap().allocate_raw(t, (unit.constants.size() + 1) * sizeof(Slot)));
  bool live_anyway = true;
  for (size_t i = 0; i < unit.constants.size(); ++i) {
    Value constant = constant_value(t, unit.constants[i], unit.frozen);
    code->constants[i] = constant;
    if (constant.is_object() && !(is_exact(constant, t.types().str) && is_interned(constant.as<StrObject>())))
      live_anyway = false;
  }
  code->constants_live_anyway = live_anyway;
  code->names = static_cast<StrObject**>(t.heap().allocate_raw(t, (unit.names.size() + 1) * sizeof(void*)));
  for (size_t i = 0; i < unit.names.size(); ++i) code->names[i] = intern(t, unit.names[i]);
  code->functions =
      static_cast<Slot*>(t.heap().allocate_raw(t, (data->functions_of->functions.size() + 1) * sizeof(Slot)));
  return code;
}

CodeObject* linked_function(Thread& t, CodeObject* code, size_t index) {
  Value known = code->functions[index];
  if (!known.is_empty()) return known.as<CodeObject>();
  const std::shared_ptr<const lang::CodeUnit>& owner = code->data->functions_of;
  std::shared_ptr<const lang::CodeUnit> unit(owner, owner->functions[index].get());
  CodeObject* made = link_code(t, std::move(unit));
  // The file name is one object for all of a module's code; a replaced co_filename does not reach inner
  // functions, as in CPython.
  const auto& own = code->unit->filename;
  if (made->unit->filename && own && *made->unit->filename == *own) made->filename = code->filename;
  if (!code->functions[index].compare_exchange(kEmpty, made))
    return code->functions[index].get().as<CodeObject>();
  return made;
}

const std::vector<LineEntry>& code_lines(const CodeObject* code) {
  CodeData* data = code->data;
  std::call_once(data->lines_once, [&] {
    lang::PositionReader reader(*data->unit);
    while (reader.next()) {
      int32_t line = reader.position().line > 0 ? reader.position().line : -1;
      if (data->lines.empty() || data->lines.back().line != line)
        data->lines.push_back({reader.start(), line});
    }
  });
  return data->lines;
}

static size_t lines_up_to(const std::vector<LineEntry>& lines, uint32_t word) {
  auto after = std::upper_bound(lines.begin(), lines.end(), word,
                                [](uint32_t value, const LineEntry& entry) { return value < entry.start; });
  return static_cast<size_t>(after - lines.begin());
}
int32_t code_line(const CodeObject* code, uint32_t word) {
  const std::vector<LineEntry>& lines = code_lines(code);
  size_t count = lines_up_to(lines, word);
  return count == 0 ? static_cast<int32_t>(code->first_line) : lines[count - 1].line;
}
int32_t last_code_line(const CodeObject* code, uint32_t word) {
  const std::vector<LineEntry>& lines = code_lines(code);
  size_t count = lines_up_to(lines, word);
  while (count > 0 && lines[count - 1].line <= 0) --count;
  return count == 0 ? static_cast<int32_t>(code->first_line) : lines[count - 1].line;
}

lang::CodePosition code_position(const CodeObject* code, uint32_t word) {
  return code->unit->position_at(word);
}

std::shared_ptr<lang::CodeUnit> clone_unit(const lang::CodeUnit& unit) {
  auto copy = std::make_shared<lang::CodeUnit>();
  copy->name = unit.name;
  copy->qualified_name = unit.qualified_name;
  copy->filename = unit.filename;
  copy->flags = unit.flags;
  copy->first_line = unit.first_line;
  copy->argument_count = unit.argument_count;
  copy->positional_only_count = unit.positional_only_count;
  copy->keyword_only_count = unit.keyword_only_count;
  copy->local_count = unit.local_count;
  copy->cell_count = unit.cell_count;
  copy->free_count = unit.free_count;
  copy->register_count = unit.register_count;
  copy->code = unit.code;
  copy->constants = unit.constants;
  copy->names = unit.names;
  copy->local_names = unit.local_names;
  copy->cell_names = unit.cell_names;
  copy->free_names = unit.free_names;
  copy->exceptions = unit.exceptions;
  copy->live_ranges = unit.live_ranges;
  copy->scoped_locals = unit.scoped_locals;
  copy->line_marks = unit.line_marks;
  copy->positions = unit.positions;
  return copy;
}

TupleObject* code_constants(Thread& t, CodeObject* code) {
  Value known = code->consts_view;
  if (!known.is_empty()) return known.as<TupleObject>();
  size_t constants = code->unit->constants.size();
  size_t functions = code->data->functions_of->functions.size();
  TupleObject* tuple = allocate_tuple(t, constants + functions);
  for (size_t i = 0; i < constants; ++i) tuple->items()[i] = code->constants[i];
  for (size_t i = 0; i < functions; ++i) tuple->items()[constants + i] = Value(linked_function(t, code, i));
  code->consts_view = Value(tuple);
  return tuple;
}

}  // namespace mp
