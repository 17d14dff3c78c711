// str.format and str.format_map: replacement fields, nested specs, attribute and item look-ups. Also the
// parser behind the `_string` module.
#include "vm/protocol/protocol.h"
#include "vm/types/format_markup.h"
#include "vm/types/number.h"
#include "vm/types/str_methods.h"
#include "vm/types/text_format.h"
#include "vm/types/unicode.h"

namespace mp {

// ---------------------------------------------------------------- the markup

Result<bool> MarkupIterator::next(Thread& t, MarkupField* field) {
  *field = {};
  if (at_ >= end_) return false;
  size_t start = at_;
  uint32_t c = 0;
  bool markup = false;
  while (at_ < end_) {
    c = text_->at(at_++);
    if (c == '{' || c == '}') {
      markup = true;
      break;
    }
  }
  bool at_end = at_ >= end_;
  size_t length = at_ - start;
  if (c == '}' && (at_end || text_->at(at_) != c)) {
    return t.raise(Exc::ValueError, "Single '}}' encountered in format string");
  }
  if (at_end && c == '{') return t.raise(Exc::ValueError, "Single '{{' encountered in format string");
  if (!at_end && markup) {
    if (text_->at(at_) == c) {  // doubled: the first one is literal text
      ++at_;
      markup = false;
    } else {
      --length;
    }
  }
  field->literal_begin = start;
  field->literal_end = start + length;
  if (!markup) return true;
  field->present = true;
  TRY(parse_field(t, field));
  return true;
}

Status MarkupIterator::parse_field(Thread& t, MarkupField* field) {
  uint32_t c = 0;
  field->name_begin = at_;
  bool stop = false;
  while (at_ < end_ && !stop) {
    c = text_->at(at_++);
    switch (c) {
      case '{': return t.raise(Exc::ValueError, "unexpected '{{' in field name");
      case '[':
        while (at_ < end_ && text_->at(at_) != ']') ++at_;
        break;
      case '}':
      case ':':
      case '!': stop = true; break;
      default: break;
    }
  }
  field->name_end = stop ? at_ - 1 : at_;
  if (stop && c == '}') return {};
  if (!stop) return t.raise(Exc::ValueError, "expected '}}' before end of string");
  if (c == '!') {
    if (at_ >= end_) {
      return t.raise(Exc::ValueError, "end of string while looking for conversion specifier");
    }
    field->conversion = text_->at(at_++);
    if (at_ < end_) {
      c = text_->at(at_++);
      if (c == '}') return {};
      if (c != ':') return t.raise(Exc::ValueError, "expected ':' after conversion specifier");
    }
  }
  field->spec_begin = at_;
  int depth = 1;
  while (at_ < end_) {
    c = text_->at(at_++);
    if (c == '{') {
      field->nested_spec = true;
      ++depth;
    } else if (c == '}' && --depth == 0) {
      field->spec_end = at_ - 1;
      return {};
    }
  }
  return t.raise(Exc::ValueError, "unmatched '{{' in format spec");
}

Result<int64_t> markup_integer(Thread& t, const StrObject* s, size_t begin, size_t end) {
  if (begin >= end) return -1;
  int64_t value = 0;
  for (size_t i = begin; i < end; ++i) {
    int digit = unicode::decimal_value(s->at(i));
    if (digit < 0) return -1;
    if (value > (INT64_MAX - digit) / 10) {
      return t.raise(Exc::ValueError, "Too many decimal digits in format string");
    }
    value = value * 10 + digit;
  }
  return value;
}

size_t markup_first_end(const StrObject* s, size_t begin, size_t end) {
  while (begin < end && s->at(begin) != '.' && s->at(begin) != '[') ++begin;
  return begin;
}

Result<bool> FieldPath::next(Thread& t, FieldStep* step) {
  if (at_ >= end_) return false;
  uint32_t c = text_->at(at_++);
  size_t begin = at_;
  step->is_attribute = c == '.';
  step->index = -1;
  if (c == '.') {
    at_ = markup_first_end(text_, at_, end_);
    step->end = at_;
  } else if (c == '[') {
    while (at_ < end_ && text_->at(at_) != ']') ++at_;
    if (at_ >= end_) return t.raise(Exc::ValueError, "Missing ']' in format string");
    step->end = at_++;
    step->index = TRY(markup_integer(t, text_, begin, step->end));
  } else {
    return t.raise(Exc::ValueError, "Only '.' or '[' may follow ']' in format field specifier");
  }
  step->begin = begin;
  if (step->begin == step->end) return t.raise(Exc::ValueError, "Empty attribute in format string");
  return true;
}

// ---------------------------------------------------------------- formatting

namespace {

class Formatter {
 public:
  Formatter(Thread& t, const CallArgs& args, Value mapping) : t_(t), args_(args), mapping_(mapping) {}

  Status build(StrObject* text, size_t begin, size_t end, int depth, StrBuilder& out) {
    if (depth <= 0) return t_.raise(Exc::ValueError, "Max string recursion exceeded");
    MarkupIterator markup(text, begin, end);
    MarkupField field;
    while (TRY(markup.next(t_, &field))) {
      out.append(text, field.literal_begin, field.literal_end);
      if (field.present) TRY(render(text, field, depth, out));
    }
    return {};
  }

 private:
  enum class Numbering { Unknown, Automatic, Manual };

  Status render(StrObject* text, const MarkupField& field, int depth, StrBuilder& out) {
    Value v = TRY(field_value(text, field.name_begin, field.name_end));
    switch (field.conversion) {
      case 0: break;
      case 'r': v = TRY(repr(t_, v)); break;
      case 's': v = TRY(str(t_, v)); break;
      case 'a': v = TRY(ascii(t_, v)); break;
      default:
        if (field.conversion > 32 && field.conversion < 127) {
          return t_.raise(Exc::ValueError, "Unknown conversion specifier {}",
                          static_cast<char>(field.conversion));
        }
        return t_.raise(Exc::ValueError, "Unknown conversion specifier \\x{:x}", field.conversion);
    }
    StrObject* spec;
    if (field.spec_begin >= field.spec_end) {
      if (is_exact(v, t_.types().str)) {
        out.append(v.as<StrObject>());
        return {};
      }
      spec = empty_str(t_);
    } else if (field.nested_spec) {
      StrBuilder inner(t_);
      TRY(build(text, field.spec_begin, field.spec_end, depth - 1, inner));
      spec = inner.finish_str();
    } else {
      spec = str_slice(t_, text, field.spec_begin, field.spec_end);
    }
    if (spec == nullptr) return Error{};
    Value formatted = TRY(format(t_, v, spec));
    out.append(formatted.as<StrObject>());
    return {};
  }

  Result<Value> field_value(StrObject* text, size_t begin, size_t end) {
    size_t first_end = markup_first_end(text, begin, end);
    int64_t index = TRY(markup_integer(t_, text, begin, first_end));
    bool empty = first_end == begin;
    if (empty || index != -1) {
      if (numbering_ == Numbering::Unknown) numbering_ = empty ? Numbering::Automatic : Numbering::Manual;
      if (numbering_ == Numbering::Manual && empty) {
        return t_.raise(Exc::ValueError,
                        "cannot switch from manual field specification to automatic field numbering");
      }
      if (numbering_ == Numbering::Automatic && !empty) {
        return t_.raise(Exc::ValueError,
                        "cannot switch from automatic field numbering to manual field specification");
      }
      if (empty) index = next_index_++;
    }
    Value v = index != -1 ? TRY(positional(index)) : TRY(by_name(text, begin, first_end));
    FieldPath path(text, first_end, end);
    FieldStep step;
    while (TRY(path.next(t_, &step))) {
      if (!step.is_attribute && step.index != -1) {
        v = TRY(get_item(t_, v, make_int(t_, step.index)));
        continue;
      }
      StrObject* name = str_slice(t_, text, step.begin, step.end);
      if (name == nullptr) return Error{};
      v = step.is_attribute ? TRY(get_attr(t_, v, intern(t_, name))) : TRY(get_item(t_, v, name));
    }
    return v;
  }

  Result<Value> positional(int64_t index) {
    if (!mapping_.is_empty()) {
      return t_.raise(Exc::ValueError, "Format string contains positional fields");
    }
    if (static_cast<uint64_t>(index) >= args_.count) {
      return t_.raise(Exc::IndexError, "Replacement index {} out of range for positional args tuple", index);
    }
    return args_.values[index];
  }

  Result<Value> by_name(StrObject* text, size_t begin, size_t end) {
    StrObject* key = str_slice(t_, text, begin, end);
    if (key == nullptr) return Error{};
    if (!mapping_.is_empty()) return get_item(t_, mapping_, key);
    if (!args_.keyword_names.is_empty()) {
      auto* names = args_.keyword_names.as<TupleObject>();
      for (size_t i = 0; i < names->size; ++i)
        if (str_equal((*names)[i].as<StrObject>(), key)) return args_.values[args_.count + i];
    }
    return t_.raise_value(Exc::KeyError, key);
  }

  Thread& t_;
  CallArgs args_;
  Value mapping_;
  Numbering numbering_ = Numbering::Unknown;
  int64_t next_index_ = 0;
};

}  // namespace

Result<Value> str_format(Thread& t, StrObject* text, const CallArgs& args) {
  Formatter formatter(t, args, kEmpty);
  StrBuilder out(t);
  TRY(formatter.build(text, 0, text->length(), 2, out));
  return out.finish();
}

Result<Value> str_method_format_map(Thread& t, const Value* args) {
  Formatter formatter(t, CallArgs{}, args[1]);
  StrBuilder out(t);
  auto* text = args[0].as<StrObject>();
  TRY(formatter.build(text, 0, text->length(), 2, out));
  return out.finish();
}

}  // namespace mp
