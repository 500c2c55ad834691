// The translation of cp.async.bulk, which shares its first words with cp.async.
#pragma once

namespace emu::ptx {

class Translator;
class Modifiers;
struct Statement;

void translate_bulk(Translator& translator, const Statement& statement, Modifiers& modifiers);

}  // namespace emu::ptx
