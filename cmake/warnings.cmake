# SPDX-License-Identifier: BSD-3-Clause
# Warnings and sanitizers for everything in this tree: link vmsg_options privately.
if(PROJECT_IS_TOP_LEVEL)
	# Ours to fix; whose project includes this one has other compilers and other worries.
	set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()
add_library(vmsg_options INTERFACE)
target_compile_options(vmsg_options INTERFACE
	-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough)
if(VMSG_SANITIZE)
	target_compile_options(vmsg_options INTERFACE
		-fsanitize=${VMSG_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(vmsg_options INTERFACE -fsanitize=${VMSG_SANITIZE})
	# A hundred large programs: it takes half the default linker's time.
	include(CheckLinkerFlag)
	check_linker_flag(C -fuse-ld=gold VMSG_HAS_GOLD)
	if(VMSG_HAS_GOLD AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
		target_link_options(vmsg_options INTERFACE -fuse-ld=gold)
	endif()
endif()
if(VMSG_FUZZ)
	# Not only the targets: the fuzzer must see the branches of what it tests.
	target_compile_options(vmsg_options INTERFACE -fsanitize=fuzzer-no-link)
	target_link_options(vmsg_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(VMSG_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
	# It does not model the ring's fences; the loads and stores beside them are atomic anyway.
	target_compile_options(vmsg_options INTERFACE -Wno-tsan)
endif()
if(NOT VMSG_ASSERTIONS)
	target_compile_definitions(vmsg_options INTERFACE VMSG_NO_ASSERT)
endif()
