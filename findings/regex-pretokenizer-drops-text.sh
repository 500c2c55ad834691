#!/usr/bin/env bash
# Microsoft.ML.Tokenizers 2.0.1: RegexPreTokenizer gives what its pattern matches, and BpeTokenizer encodes nothing else. Text between two matches
# has no ids, though its letters are in the vocabulary, and nothing says so. Hugging Face's Split keeps it as a piece of its
# own, so a pattern taken over from a tokenizer.json can lose text here.
# Seen: "ab12 ba" with [a-z]+ and a vocabulary that has the digits and the blank: ids of ab, b and a alone, decoded "abba".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/run.cs" <<'CS'
#:package Microsoft.ML.Tokenizers@2.0.1
#:property PublishAot=false
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

File.WriteAllText("vocab.json", """{"a": 0, "b": 1, "1": 2, "2": 3, " ": 4, "ab": 5}""");
File.WriteAllText("merges.txt", "#version: 0.2\na b\n");
var words = new RegexPreTokenizer(new Regex("[a-z]+"), null);
BpeTokenizer tokenizer = BpeTokenizer.Create("vocab.json", "merges.txt", words, null, null, null, null, null);
IReadOnlyList<int> ids = tokenizer.EncodeToIds("ab12 ba");
string found = $"ids {string.Join(" ", ids)}, decoded \"{tokenizer.Decode(ids)}\", counted {tokenizer.CountTokens("ab12 ba")}";
Console.WriteLine(found);
return found == "ids 5 1 0, decoded \"abba\", counted 3" ? 0 : 1;
CS
cd "$folder"
dotnet run run.cs && echo "as found, Microsoft.ML.Tokenizers 2.0.1"
