# SPDX-License-Identifier: BSD-3-Clause
# Warnings and sanitizers for everything in this tree: link vmsg_options privately.
add_library(vmsg_options INTERFACE)
target_compile_options(vmsg_options INTERFACE
	-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wwrite-strings -Wundef -Wvla -Wimplicit-fallthrough -Werror)
if(VMSG_SANITIZE)
	target_compile_options(vmsg_options INTERFACE
		-fsanitize=${VMSG_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
	target_link_options(vmsg_options INTERFACE -fsanitize=${VMSG_SANITIZE})
endif()
if(NOT VMSG_ASSERTIONS)
	target_compile_definitions(vmsg_options INTERFACE VMSG_NO_ASSERT)
endif()
