// re.Match: the groups of a match, by number and name.
#include <algorithm>
#include <cstring>

#include "stdlib/native/sre_objects.h"
#include "vm/modules/modules.h"
#include "vm/types/exception.h"
#include "vm/types/generic_alias.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp::sre {

Value make_match(Thread& t, PatternObject* pattern, Value string, int64_t position, int64_t end_position,
                 const Outcome& outcome) {
  auto* match = t.heap().make<MatchObject>(t, native_type(t, kMatchSpec));
  match->string = string;
  match->pattern = pattern;
  match->position = position;
  match->end_position = end_position;
  match->start = outcome.start;
  match->end = outcome.end;
  match->last_index = outcome.last_index;
  match->groups = pattern->groups;
  if (!outcome.marks.empty()) {
    match->marks = static_cast<int64_t*>(t.heap().allocate_raw(t, outcome.marks.size() * sizeof(int64_t)));
    std::memcpy(match->marks, outcome.marks.data(), outcome.marks.size() * sizeof(int64_t));
  }
  return match;
}

namespace {

void trace_match(Object* o, Tracer& tracer) {
  auto* self = static_cast<MatchObject*>(o);
  tracer.visit_slots(&self->string, 2);
  tracer.mark_raw(self->marks);
}

Result<int64_t> group_number(Thread& t, MatchObject* match, Value key) {
  int64_t number = -1;
  if (is_any_int(key) || type_of(t, key)->slots.index != nullptr) {
    number = clamp_ssize(TRY(to_index(t, key)));
  } else {
    Value found =
        TRY(dict_get(t, match->pattern.get().as<PatternObject>()->group_index.get().as<DictObject>(), key));
    if (found.is_int()) number = found.as_int();
  }
  if (number < 0 || number > static_cast<int64_t>(match->groups))
    return t.raise(Exc::IndexError, "no such group");
  return number;
}
void span_of(MatchObject* match, int64_t group, int64_t* from, int64_t* to) {
  *from = group == 0 ? match->start : match->marks[(group - 1) * 2];
  *to = group == 0 ? match->end : match->marks[(group - 1) * 2 + 1];
  if (*from < 0 || *to < *from) *from = *to = -1;
}
Value group_value(Thread& t, MatchObject* match, int64_t group, Value absent) {
  int64_t from, to;
  span_of(match, group, &from, &to);
  if (from < 0) return absent;
  Value string = match->string;
  int64_t length = is_str(string) ? static_cast<int64_t>(string.as<StrObject>()->length()) : INT64_MAX;
  return slice(t, string, std::min(from, length), std::min(to, length));
}
Result<Value> match_group(Thread& t, Value self, const CallArgs& call_args) {
  auto* match = self.as<MatchObject>();
  if (call_args.count == 0) return group_value(t, match, 0, kNone);
  if (call_args.count == 1)
    return group_value(t, match, TRY(group_number(t, match, call_args.values[0])), kNone);
  TupleObject* tuple = allocate_tuple(t, call_args.count);
  for (size_t i = 0; i < call_args.count; ++i)
    tuple->items()[i] = group_value(t, match, TRY(group_number(t, match, call_args.values[i])), kNone);
  return tuple;
}
Result<Value> match_getitem(Thread& t, Value self, Value key) {
  auto* match = self.as<MatchObject>();
  return group_value(t, match, TRY(group_number(t, match, key)), kNone);
}
Result<Value> match_groups(Thread& t, const Value* args) {
  auto* match = args[0].as<MatchObject>();
  TupleObject* tuple = allocate_tuple(t, match->groups);
  for (size_t i = 0; i < match->groups; ++i)
    tuple->items()[i] = group_value(t, match, static_cast<int64_t>(i) + 1, args[1]);
  return tuple;
}
Result<Value> match_groupdict(Thread& t, const Value* args) {
  auto* match = args[0].as<MatchObject>();
  DictObject* result = make_dict(t);
  size_t position = 0;
  Value key, number;
  while (dict_next(match->pattern.get().as<PatternObject>()->group_index.get().as<DictObject>(), &position,
                   &key, &number)) {
    // A script can get at the dict (a mapping proxy hands it to the other side's __eq__).
    if (!number.is_int()) return t.raise(Exc::IndexError, "no such group");
    TRY(dict_set(t, result, key, group_value(t, match, TRY(group_number(t, match, number)), args[1])));
  }
  return result;
}
Result<Value> match_start(Thread& t, const Value* args) {
  auto* match = args[0].as<MatchObject>();
  int64_t from, to;
  span_of(match, TRY(group_number(t, match, args[1])), &from, &to);
  return make_int(t, from);
}
Result<Value> match_end(Thread& t, const Value* args) {
  auto* match = args[0].as<MatchObject>();
  int64_t from, to;
  span_of(match, TRY(group_number(t, match, args[1])), &from, &to);
  return make_int(t, to);
}
Result<Value> match_span(Thread& t, const Value* args) {
  auto* match = args[0].as<MatchObject>();
  int64_t from, to;
  span_of(match, TRY(group_number(t, match, args[1])), &from, &to);
  return make_tuple(t, {make_int(t, from), make_int(t, to)});
}
Result<Value> match_expand(Thread& t, const Value* args) {
  Value module = TRY(import_module(t, "re"));
  Value expand = TRY(get_attr(t, module, "_expand"));
  return call(t, expand, {args[0].as<MatchObject>()->pattern, args[0], args[1]});
}
Result<Value> match_repr(Thread& t, Value self) {
  auto* match = self.as<MatchObject>();
  return make_str(t, fmt::format("<{} object; span=({}, {}), match={}>", type_full_name(type_of(t, self)),
                                 match->start, match->end, repr_text(t, group_value(t, match, 0, kNone))));
}
Result<Value> match_pos(Thread& t, Value self) { return make_int(t, self.as<MatchObject>()->position); }
Result<Value> match_endpos(Thread& t, Value self) {
  return make_int(t, self.as<MatchObject>()->end_position);
}
Result<Value> match_lastindex(Thread&, Value self) {
  int32_t index = self.as<MatchObject>()->last_index;
  return index < 0 ? kNone : Value::from_int(index);
}
Result<Value> match_lastgroup(Thread&, Value self) {
  auto* match = self.as<MatchObject>();
  Value names = match->pattern.get().as<PatternObject>()->index_group;
  if (match->last_index < 0 || !is_tuple(names) ||
      static_cast<size_t>(match->last_index) >= names.as<TupleObject>()->size)
    return kNone;
  return (*names.as<TupleObject>())[static_cast<size_t>(match->last_index)];
}
Result<Value> match_regs(Thread& t, Value self) {
  auto* match = self.as<MatchObject>();
  TupleObject* tuple = allocate_tuple(t, match->groups + 1);
  for (size_t i = 0; i <= match->groups; ++i) {
    int64_t from, to;
    span_of(match, static_cast<int64_t>(i), &from, &to);
    tuple->items()[i] = make_tuple(t, {make_int(t, from), make_int(t, to)});
  }
  return tuple;
}

const NativeDef kMatchMethods[] = {
    MP_RAW_METHOD(match_group, "group(self, /, *groups)", "Return one or more subgroups of the match."),
    MP_METHOD(match_groups, "groups(self, /, default=None)", nullptr),
    MP_METHOD(match_groupdict, "groupdict(self, /, default=None)", nullptr),
    MP_METHOD(match_start, "start(self, group=0, /)", nullptr),
    MP_METHOD(match_end, "end(self, group=0, /)", nullptr),
    MP_METHOD(match_span, "span(self, group=0, /)", nullptr),
    MP_METHOD(match_expand, "expand(self, /, template)", nullptr),
    MP_METHOD(return_self, "__copy__(self, /)", nullptr),
    MP_METHOD(return_self, "__deepcopy__(self, memo, /)", nullptr),
    MP_CLASS_GETITEM,
    MP_END};
const GetSetDef kMatchGetSets[] = {{"pos", match_pos, nullptr, nullptr},
                                   {"endpos", match_endpos, nullptr, nullptr},
                                   {"lastindex", match_lastindex, nullptr, nullptr},
                                   {"lastgroup", match_lastgroup, nullptr, nullptr},
                                   {"regs", match_regs, nullptr, nullptr},
                                   {}};
const MemberDef kMatchMembers[] = {{"string", offsetof(MatchObject, string), true, nullptr},
                                   {"re", offsetof(MatchObject, pattern), true, nullptr},
                                   {}};

}  // namespace

const TypeSpec kMatchSpec = {.name = "re.Match",
                             .size = sizeof(MatchObject),
                             .flags = kTypeDisallowNew,
                             .doc = "The result of re.match() and re.search().",
                             .trace = trace_match,
                             .slots = MP_SLOTS(.repr = match_repr, .get_item = match_getitem),
                             .methods = kMatchMethods,
                             .getsets = kMatchGetSets,
                             .members = kMatchMembers};

}  // namespace mp::sre
