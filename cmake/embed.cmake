# SPDX-License-Identifier: BSD-3-Clause
# Files that go into a program as they are.
#
#   vmsg_embed(TARGET FILE NAME): `extern const char NAME[];` is the file's text, ended by a zero.
#
# As a script (cmake -DIN= -DOUT= -DNAME= -P embed.cmake) it writes the array.
if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
	file(READ ${IN} bytes HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
	string(REGEX REPLACE "((0x..,){16})" "\\1\n" bytes "${bytes}")
	file(WRITE ${OUT} "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0\n};\n")
	return()
endif()

function(vmsg_embed target file name)
	set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
	set(in ${CMAKE_CURRENT_SOURCE_DIR}/${file})
	set(script ${PROJECT_SOURCE_DIR}/cmake/embed.cmake)
	add_custom_command(OUTPUT ${out} DEPENDS ${in} ${script} VERBATIM
		COMMAND ${CMAKE_COMMAND} -DIN=${in} -DOUT=${out} -DNAME=${name} -P ${script})
	target_sources(${target} PRIVATE ${out})
endfunction()
