// binascii: hex, base64, quoted-printable, uu, CRCs.
#include <array>
#include <cstring>

#include "stdlib/native/native_error.h"
#include "vm/native/native.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/types/buffer.h"
#include "vm/types/bytes_methods.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

Error raise_binascii(Thread& t, const std::string& message) {
  return raise_native(t, "binascii", "Error", Exc::ValueError, message);
}

// Bytes-like, or str of ASCII: what the a2b functions take.
Status ascii_data(Thread& t, Value v, HeldBuffer& held, std::string_view* out) {
  if (is_str(v)) {
    if (!v.as<StrObject>()->is_ascii()) {
      return t.raise(Exc::ValueError, "string argument should contain only ASCII characters");
    }
    *out = v.as<StrObject>()->ascii();
    return {};
  }
  if (!supports_buffer(t, v)) {
    return t.raise(Exc::TypeError, "argument should be bytes, buffer or ASCII string, not '{}'",
                   type_name(t, v));
  }
  TRY(held.get(t, v));
  *out = held.bytes();
  return {};
}

// ---------------------------------------------------------------- hex

Result<Value> hexlify(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  HexGroups groups = TRY(hex_groups(t, args[1], args[2]));
  return hex_text(t, held.bytes(), groups, HexType::Bytes);
}

int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<Value> unhexlify(Thread& t, const Value* args) {
  HeldBuffer held;
  std::string_view data;
  TRY(ascii_data(t, args[0], held, &data));
  if (data.size() % 2 != 0) return raise_binascii(t, "Odd-length string");
  BytesObject* out = allocate_bytes(t, data.size() / 2);
  if (out == nullptr) return Error{};
  for (size_t i = 0; i < data.size(); i += 2) {
    int high = hex_digit(static_cast<uint8_t>(data[i])), low = hex_digit(static_cast<uint8_t>(data[i + 1]));
    if (high < 0 || low < 0) return raise_binascii(t, "Non-hexadecimal digit found");
    out->data()[i / 2] = static_cast<uint8_t>(high << 4 | low);
  }
  return Value(out);
}

// ---------------------------------------------------------------- base64

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> decode_table() {
  std::array<int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (int i = 0; i < 64; ++i) table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return table;
}
constexpr auto kDecode = decode_table();

Result<Value> b2a_base64(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  bool newline = TRY(truth(t, args[1]));
  std::string_view data = held.bytes();
  BytesObject* result = allocate_bytes(t, (data.size() + 2) / 3 * 4 + (newline ? 1 : 0));
  if (result == nullptr) return Error{};
  auto* in = reinterpret_cast<const uint8_t*>(data.data());
  uint8_t* out = result->data();
  size_t i = 0;
  for (; i + 3 <= data.size(); i += 3) {
    uint32_t bits = static_cast<uint32_t>(in[i]) << 16 | static_cast<uint32_t>(in[i + 1]) << 8 | in[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = static_cast<uint8_t>(kAlphabet[bits >> shift & 63]);
  }
  if (data.size() - i == 1) {
    *out++ = static_cast<uint8_t>(kAlphabet[in[i] >> 2]);
    *out++ = static_cast<uint8_t>(kAlphabet[(in[i] & 3) << 4]);
    *out++ = '=';
    *out++ = '=';
  } else if (data.size() - i == 2) {
    *out++ = static_cast<uint8_t>(kAlphabet[in[i] >> 2]);
    *out++ = static_cast<uint8_t>(kAlphabet[(in[i] & 3) << 4 | in[i + 1] >> 4]);
    *out++ = static_cast<uint8_t>(kAlphabet[(in[i + 1] & 15) << 2]);
    *out++ = '=';
  }
  if (newline) *out = '\n';
  return Value(result);
}

Result<Value> a2b_base64(Thread& t, const Value* args) {
  HeldBuffer held;
  std::string_view data;
  TRY(ascii_data(t, args[0], held, &data));
  bool strict = TRY(truth(t, args[1]));
  if (!os::has_room(data.size() / 4 * 3)) return t.raise_memory_error();
  std::string out;
  out.reserve(data.size() / 4 * 3);
  int position = 0, pads = 0;
  uint8_t left = 0;
  bool padding_started = false;
  if (strict && !data.empty() && data[0] == '=') return raise_binascii(t, "Leading padding not allowed");
  for (size_t i = 0; i < data.size(); ++i) {
    auto c = static_cast<uint8_t>(data[i]);
    if (c == '=') {
      padding_started = true;
      if (strict && position == 0) return raise_binascii(t, "Excess padding not allowed");
      if (position >= 2 && position + ++pads >= 4) {
        // A pad sequence means we have the whole of it; what follows is ignored, or an error.
        if (strict && i + 1 < data.size()) return raise_binascii(t, "Excess data after padding");
        return str_or_error(make_bytes(t, out));
      }
      continue;
    }
    int value = kDecode[c];
    if (value < 0) {
      if (strict) return raise_binascii(t, "Only base64 data is allowed");
      continue;
    }
    if (strict && padding_started) return raise_binascii(t, "Discontinuous padding not allowed");
    pads = 0;
    auto bits = static_cast<uint8_t>(value);
    switch (position) {
      case 0:
        position = 1;
        left = bits;
        break;
      case 1:
        position = 2;
        out.push_back(static_cast<char>(left << 2 | bits >> 4));
        left = bits & 15;
        break;
      case 2:
        position = 3;
        out.push_back(static_cast<char>(left << 4 | bits >> 2));
        left = bits & 3;
        break;
      default:
        position = 0;
        out.push_back(static_cast<char>(left << 6 | bits));
        left = 0;
    }
  }
  if (position == 1) {
    return raise_binascii(
        t, fmt::format("Invalid base64-encoded string: number of data characters ({}) cannot be 1 more "
                       "than a multiple of 4",
                       out.size() / 3 * 4 + 1));
  }
  if (position != 0) return raise_binascii(t, "Incorrect padding");
  return str_or_error(make_bytes(t, out));
}

// ---------------------------------------------------------------- uu

Result<Value> b2a_uu(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  bool backtick = TRY(truth(t, args[1]));
  std::string_view data = held.bytes();
  if (data.size() > 45) return raise_binascii(t, "At most 45 bytes at once");
  std::string out;
  auto put = [&](uint32_t six) { out.push_back(six == 0 && backtick ? '`' : static_cast<char>(six + ' ')); };
  put(static_cast<uint32_t>(data.size()));
  for (size_t i = 0; i < data.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < data.size() ? static_cast<uint8_t>(data[i + k]) : 0);
    for (int shift = 18; shift >= 0; shift -= 6) put(bits >> shift & 63);
  }
  out.push_back('\n');
  return str_or_error(make_bytes(t, out));
}

Result<Value> a2b_uu(Thread& t, const Value* args) {
  HeldBuffer held;
  std::string_view data;
  TRY(ascii_data(t, args[0], held, &data));
  size_t at = 0;
  auto wanted = static_cast<size_t>(data.empty() ? 0 : (data[at++] - ' ') & 63);
  std::string out;
  uint32_t bits = 0;
  int bit_count = 0;
  while (out.size() < wanted) {
    uint32_t c = at < data.size() ? static_cast<uint8_t>(data[at]) : ' ';
    if (at < data.size()) ++at;
    if (c == '\n' || c == '\r') {
      c = 0;
    } else {
      if (c < ' ' || c > ' ' + 64) return raise_binascii(t, "Illegal char");
      c = (c - ' ') & 63;
    }
    bits = bits << 6 | c;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out.push_back(static_cast<char>(bits >> bit_count));
      bits &= (1u << bit_count) - 1;
    }
  }
  for (; at < data.size(); ++at) {
    char c = data[at];
    if (c != ' ' && c != ' ' + 64 && c != '\n' && c != '\r') return raise_binascii(t, "Trailing garbage");
  }
  return str_or_error(make_bytes(t, out));
}

// ---------------------------------------------------------------- CRC

constexpr std::array<std::array<uint32_t, 256>, 8> crc_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb88320u ^ c >> 1 : c >> 1;
    tables[0][i] = c;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t i = 0; i < 256; ++i) tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
  return tables;
}
constexpr auto kCrc = crc_tables();

uint32_t crc32_update(uint32_t crc, const uint8_t* p, size_t n) {
  crc = ~crc;
  for (; n >= 8; n -= 8, p += 8) {
    uint32_t low, high;
    std::memcpy(&low, p, 4);
    std::memcpy(&high, p + 4, 4);
    low ^= crc;
    crc = kCrc[7][low & 255] ^ kCrc[6][low >> 8 & 255] ^ kCrc[5][low >> 16 & 255] ^ kCrc[4][low >> 24] ^
          kCrc[3][high & 255] ^ kCrc[2][high >> 8 & 255] ^ kCrc[1][high >> 16 & 255] ^ kCrc[0][high >> 24];
  }
  for (; n > 0; --n, ++p) crc = crc >> 8 ^ kCrc[0][(crc ^ *p) & 255];
  return ~crc;
}

Result<uint32_t> crc_start(Thread& t, Value v) {
  Value index = TRY(to_index(t, v));
  IntView view(index);
  auto low = static_cast<uint32_t>(mpz_get_ui(view.get()));
  return mpz_sgn(view.get()) < 0 ? 0 - low : low;
}

Result<Value> crc32(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  uint32_t crc = TRY(crc_start(t, args[1]));
  return make_int(
      t, crc32_update(crc, reinterpret_cast<const uint8_t*>(held.bytes().data()), held.bytes().size()));
}

Result<Value> crc_hqx(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  uint32_t crc = TRY(crc_start(t, args[1])) & 0xffff;
  for (char byte : held.bytes()) {
    crc ^= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << 8;
    for (int k = 0; k < 8; ++k) crc = ((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
  }
  return make_int(t, crc);
}

// ---------------------------------------------------------------- quoted-printable

Result<Value> a2b_qp(Thread& t, const Value* args) {
  HeldBuffer held;
  std::string_view data;
  TRY(ascii_data(t, args[0], held, &data));
  bool header = TRY(truth(t, args[1]));
  if (!os::has_room(data.size())) return t.raise_memory_error();
  std::string out;
  out.reserve(data.size());
  for (size_t i = 0; i < data.size();) {
    char c = data[i];
    if (c == '=') {
      if (++i >= data.size()) break;
      if (data[i] == '\n' || data[i] == '\r') {
        if (data[i] != '\n')
          while (i < data.size() && data[i] != '\n') ++i;
        if (i < data.size()) ++i;
      } else if (data[i] == '=') {  // broken: two in a row
        out.push_back('=');
        ++i;
      } else if (i + 1 < data.size() && hex_digit(static_cast<uint8_t>(data[i])) >= 0 &&
                 hex_digit(static_cast<uint8_t>(data[i + 1])) >= 0) {
        out.push_back(static_cast<char>(hex_digit(static_cast<uint8_t>(data[i])) << 4 |
                                        hex_digit(static_cast<uint8_t>(data[i + 1]))));
        i += 2;
      } else {
        out.push_back('=');
      }
    } else {
      out.push_back(header && c == '_' ? ' ' : c);
      ++i;
    }
  }
  return str_or_error(make_bytes(t, out));
}

Result<Value> b2a_qp(Thread& t, const Value* args) {
  HeldBuffer held;
  TRY(held.get(t, args[0]));
  bool quote_tabs = TRY(truth(t, args[1])), is_text = TRY(truth(t, args[2])), header = TRY(truth(t, args[3]));
  std::string_view data = held.bytes();
  size_t n = data.size();
  constexpr size_t kMaxLine = 76;
  size_t newline = data.find('\n');
  bool crlf = newline != data.npos && newline > 0 && data[newline - 1] == '\r';
  std::string out;
  size_t line = 0;
  auto put_hex = [&](uint8_t c) {
    out.push_back('=');
    out.push_back("0123456789ABCDEF"[c >> 4]);
    out.push_back("0123456789ABCDEF"[c & 15]);
  };
  auto soft_break = [&] {
    out.push_back('=');
    if (crlf) out.push_back('\r');
    out.push_back('\n');
    line = 0;
  };
  constexpr size_t kMostAtOnce = 8;  // a soft break, and white space and a byte that are quoted
  for (size_t i = 0; i < n;) {
    if (!os::make_room(out, kMostAtOnce)) return t.raise_memory_error();
    auto c = static_cast<uint8_t>(data[i]);
    bool at_line_end =
        i + 1 < n && (data[i + 1] == '\n' || (data[i + 1] == '\r' && i + 2 < n && data[i + 2] == '\n'));
    bool quote = c > 126 || c == '=' || (header && c == '_') ||
                 (c == '.' && line == 0 &&
                  (i + 1 == n || data[i + 1] == '\n' || data[i + 1] == '\r' || data[i + 1] == 0)) ||
                 (!is_text && (c == '\r' || c == '\n')) || ((c == '\t' || c == ' ') && i + 1 == n) ||
                 (c < 33 && c != '\r' && c != '\n' && c != '\t' && c != ' ') ||
                 (c < 33 && c != '\r' && c != '\n' && (quote_tabs || (!quote_tabs && c != '\t' && c != ' ')));
    if (quote && !(header && c == ' ' && i + 1 != n && !quote_tabs)) {
      if (line + 3 >= kMaxLine) soft_break();
      put_hex(c);
      ++i;
      line += 3;
      continue;
    }
    if (is_text && (c == '\n' || (c == '\r' && i + 1 < n && data[i + 1] == '\n'))) {
      line = 0;
      // White space before the end of a line is protected.
      if (!out.empty() && (out.back() == ' ' || out.back() == '\t')) {
        auto last = static_cast<uint8_t>(out.back());
        out.pop_back();
        put_hex(last);
      }
      if (crlf) out.push_back('\r');
      out.push_back('\n');
      i += c == '\r' ? 2 : 1;
      continue;
    }
    if (i + 1 != n && !at_line_end && line + 1 >= kMaxLine) soft_break();
    ++line;
    out.push_back(header && c == ' ' ? '_' : static_cast<char>(c));
    ++i;
  }
  return str_or_error(make_bytes(t, out));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(hexlify, "hexlify(data, sep=?, bytes_per_sep=1)",
                "Hexadecimal representation of binary data."),
    MP_FUNCTION(hexlify, "b2a_hex(data, sep=?, bytes_per_sep=1)",
                "Hexadecimal representation of binary data."),
    MP_FUNCTION(unhexlify, "unhexlify(hexstr, /)", "Binary data of hexadecimal representation."),
    MP_FUNCTION(unhexlify, "a2b_hex(hexstr, /)", "Binary data of hexadecimal representation."),
    MP_FUNCTION(b2a_base64, "b2a_base64(data, /, *, newline=True)", "Base64-code line of data."),
    MP_FUNCTION(a2b_base64, "a2b_base64(data, /, *, strict_mode=False)", "Decode a line of base64 data."),
    MP_FUNCTION(b2a_uu, "b2a_uu(data, /, *, backtick=False)", "Uuencode line of data."),
    MP_FUNCTION(a2b_uu, "a2b_uu(data, /)", "Decode a line of uuencoded data."),
    MP_FUNCTION(crc32, "crc32(data, crc=0, /)", "Compute CRC-32 incrementally."),
    MP_FUNCTION(crc_hqx, "crc_hqx(data, crc, /)", "Compute CRC-CCITT incrementally."),
    MP_FUNCTION(a2b_qp, "a2b_qp(data, header=False)", "Decode a string of qp-encoded data."),
    MP_FUNCTION(b2a_qp, "b2a_qp(data, quotetabs=False, istext=True, header=False)",
                "Encode a string using quoted-printable encoding."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  TRY(module_add(t, module, "Error", TRY(native_error(t, "binascii", "Error", Exc::ValueError))));
  return module_add(t, module, "Incomplete", TRY(native_error(t, "binascii", "Incomplete", Exc::Exception)));
}

}  // namespace

extern const ModuleSpec kBinasciiModule;
const ModuleSpec kBinasciiModule = {"binascii", "Conversion between binary data and ASCII", kFunctions,
                                    init_module};

}  // namespace mp
