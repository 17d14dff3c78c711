// Universal newlines (PEP 3116): "\r" and "\r\n" are newlines as well, and become "\n" where that is asked
// for.
#pragma once
#include <string>
#include <string_view>

#include "vm/core/value.h"

namespace mp {
class Thread;
}

namespace mp::io {

enum NewlineKind : uint8_t { kNewlineLf = 1, kNewlineCr = 2, kNewlineCrLf = 4 };

struct NewlineState {
  bool pending_cr = false;  // a "\r" at the end of a piece waits for what follows
  uint8_t seen = 0;         // NewlineKind
};

// Appends `text` to `out`; what it meets goes into *seen.
template <class Char>
void append_newlines(std::basic_string_view<Char> text, bool translate, uint8_t* seen,
                     std::basic_string<Char>& out) {
  if (text.find(Char('\r')) == text.npos) {  // nearly always
    if ((*seen & kNewlineLf) == 0 && text.find(Char('\n')) != text.npos) *seen |= kNewlineLf;
    out += text;
    return;
  }
  out.reserve(out.size() + text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    Char c = text[i];
    if (c == Char('\n')) *seen |= kNewlineLf;
    if (c != Char('\r')) {
      out += c;
      continue;
    }
    bool pair = i + 1 < text.size() && text[i + 1] == Char('\n');
    *seen |= pair ? kNewlineCrLf : kNewlineCr;
    if (!translate) out += c;
    if (translate || pair) out += Char('\n');
    i += pair;
  }
}
// The same for a stream that comes in pieces.
void translate_newlines(NewlineState& state, std::string_view text, bool translate, bool final,
                        std::string& out);
// The attribute `newlines`: None, a str, or a tuple of them.
Value seen_newlines(Thread& t, uint8_t seen);

}  // namespace mp::io
