#include "lang/token.h"

namespace mp::lang {

const char* token_text(TokenKind kind) {
  switch (kind) {
    case TokenKind::End: return "end of file";
#define MP_TOKEN(Name, text) \
  case TokenKind::Name:      \
    return text;
#define MP_KEYWORD MP_TOKEN
#define MP_AUGMENTED MP_TOKEN
#include "lang/tokens.def"
#undef MP_TOKEN
#undef MP_KEYWORD
#undef MP_AUGMENTED
    default: return "?";
  }
}

bool is_keyword(TokenKind kind) {
  switch (kind) {
#define MP_TOKEN(Name, text)
#define MP_KEYWORD(Name, text) case TokenKind::Name:
#define MP_AUGMENTED(Name, text)
#include "lang/tokens.def"
#undef MP_TOKEN
#undef MP_KEYWORD
#undef MP_AUGMENTED
    return true;
    default: return false;
  }
}

}  // namespace mp::lang
