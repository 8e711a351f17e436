w8a16_test(text utf8_test.cc regex_test.cc normalizer_test.cc pre_tokenizer_test.cc byte_trie_test.cc
  chars_map_test.cc bpe_test.cc unigram_test.cc word_piece_test.cc added_tokens_test.cc
  post_processor_test.cc decoder_test.cc sentencepiece_file_test.cc sentencepiece_test.cc
  tokenizer_directory_test.cc tokenizer_test.cc vectors_test.cc reference_test.cc sampling_test.cc
  stop_strings_test.cc chat_template_test.cc jinja/template_test.cc jinja/vectors_test.cc)
