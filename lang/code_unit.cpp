#include "lang/code_unit.h"

#include <algorithm>
#include <cstring>

namespace mp::lang {

namespace {

constexpr Operand _ = Operand::None;
constexpr Operand W = Operand::W, R = Operand::R, M = Operand::M, W2 = Operand::W2, WC = Operand::WC,
                  WX = Operand::WX;
constexpr Operand R2 = Operand::R2, R3 = Operand::R3, RC = Operand::RC, RP = Operand::RP, RK = Operand::RK,
                  RS = Operand::RS;
constexpr Operand RF = Operand::RF, CNT = Operand::CNT, I16 = Operand::I16, J16 = Operand::J16,
                  N16 = Operand::N16;
constexpr Operand F16 = Operand::F16, I32 = Operand::I32, J32 = Operand::J32, N32 = Operand::N32,
                  K32 = Operand::K32;
constexpr Operand CNT32 = Operand::CNT32;

constexpr OpInfo kBaseOps[] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) \
  {#NAME, A, B, C, EXTRA, CACHE, static_cast<uint8_t>(EFFECTS), SwitchSite::SITE, Op::NAME},
#include "lang/opcodes.def"
};

constexpr OpInfo specialised(const char* name, Op base) {
  OpInfo info = kBaseOps[static_cast<int>(base)];
  info.name = name;
  info.base = base;
  return info;
}

constexpr const char* kIntrinsicNames[] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC)
#define INTRINSIC_FUNCTION(NAME, COUNT, DOC) #NAME,
#include "lang/opcodes.def"
};
constexpr int kIntrinsicCounts[] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC)
#define INTRINSIC_FUNCTION(NAME, COUNT, DOC) COUNT,
#include "lang/opcodes.def"
};

}  // namespace

const OpInfo kOpInfos[kOpCount] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) kBaseOps[static_cast<int>(Op::NAME)],
#define SPECIALISED(NAME, BASE, DOC) specialised(#NAME, Op::BASE),
#include "lang/opcodes.def"
};

const char* intrinsic_name(Intrinsic intrinsic) { return kIntrinsicNames[static_cast<int>(intrinsic)]; }
int intrinsic_argument_count(Intrinsic intrinsic) { return kIntrinsicCounts[static_cast<int>(intrinsic)]; }

bool CodeConstant::operator==(const CodeConstant& other) const {
  if (kind != other.kind) return false;
  switch (kind) {
    case Kind::None:
    case Kind::False:
    case Kind::True:
    case Kind::Ellipsis: return true;
    case Kind::Int: return integer == other.integer;
    case Kind::Float: return std::memcmp(&real, &other.real, sizeof real) == 0;
    case Kind::Complex:
      return std::memcmp(&real, &other.real, sizeof real) == 0 &&
             std::memcmp(&imaginary, &other.imaginary, sizeof imaginary) == 0;
    case Kind::BigInt:
    case Kind::String:
    case Kind::Bytes: return text == other.text;
    case Kind::Tuple:
    case Kind::FrozenSet: return items == other.items;
  }
  return false;
}

uint32_t CodeUnit::live_at(uint32_t pc) const {
  auto after = std::upper_bound(live_ranges.begin(), live_ranges.end(), pc,
                                [](uint32_t value, const LiveRange& range) { return value < range.start; });
  return after == live_ranges.begin() ? first_temporary() : std::prev(after)->live;
}

const ExceptionRange* CodeUnit::handler_at(uint32_t pc) const {
  auto after =
      std::upper_bound(exceptions.begin(), exceptions.end(), pc,
                       [](uint32_t value, const ExceptionRange& range) { return value < range.start; });
  if (after == exceptions.begin()) return nullptr;
  const ExceptionRange& range = *std::prev(after);
  return pc < range.end ? &range : nullptr;
}

CodePosition CodeUnit::position_at(uint32_t pc) const {
  PositionReader reader(*this);
  while (reader.next()) {
    if (pc < reader.end()) return reader.position();
  }
  return {};
}

std::string_view CodeUnit::local_name_at(uint32_t pc, uint16_t reg) const {
  if (reg < local_count) return local_names[reg];
  for (size_t i = scoped_locals.size(); i-- > 0;) {
    const ScopedLocal& local = scoped_locals[i];
    if (local.reg == reg && pc >= local.start && pc < local.end) return names[local.name];
  }
  return "?";
}

std::string_view CodeUnit::cell_name_at(uint32_t pc, uint16_t reg) const {
  if (reg >= first_cell() && reg < first_free()) return cell_names[reg - first_cell()];
  if (is_free(reg)) return free_names[reg - first_free()];
  return local_name_at(pc, reg);
}

// An entry: words covered (varint), line delta (signed varint), then lines spanned + 1, or 0 where there is
// no position at all (line 0); then column + 1 and end column + 1.
bool PositionReader::next() {
  auto varint = [this] {
    uint32_t value = 0;
    for (int shift = 0; at_ < bytes_.size() && shift < 35; shift += 7) {
      uint8_t byte = bytes_[at_++];
      value |= uint32_t(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  if (at_ >= bytes_.size()) return false;
  start_ = end_;
  end_ = start_ + varint();
  if (end_ > size_) end_ = size_;
  uint32_t delta = varint();
  line_ += static_cast<int32_t>(delta >> 1) ^ -static_cast<int32_t>(delta & 1);
  uint32_t span = varint();
  if (span == 0) {
    position_ = {};
    return true;
  }
  position_.line = line_;
  position_.end_line = line_ + static_cast<int32_t>(span) - 1;
  position_.column = static_cast<int32_t>(varint()) - 1;
  position_.end_column = static_cast<int32_t>(varint()) - 1;
  return true;
}

}  // namespace mp::lang
