# Prints how many lines of each source file ran, from the .gcda files below the build folder that is
# the argument. Reads gcov's text summary.

BEGIN {
    build = ARGV[1]
    command = "cd " build " && find src tools -name '*.gcda' | xargs gcov -n 2>/dev/null"
    while ((command | getline line) > 0) {
        if (line ~ /^File '/) {
            file = substr(line, 7, length(line) - 7)
            sub(/^.*\/src\//, "src/", file)
            sub(/^.*\/tools\//, "tools/", file)
        } else if (line ~ /^Lines executed:/ && file ~ /^(src|tools)\//) {
            split(substr(line, 16), part, /%? of /)
            if (!(file in total) || part[1] * part[2] / 100 > run[file]) {
                run[file] = part[1] * part[2] / 100
                total[file] = part[2]
            }
            file = "" # what follows the last file is the sum
        }
    }
    sort = "sort -n"
    for (file in total) {
        printf "%6.1f %% of %5d  %s\n", 100 * run[file] / total[file], total[file], file | sort
        all_run += run[file]
        all += total[file]
    }
    close(sort)
    if (all > 0)
        printf "%6.1f %% of %5d  all\n", 100 * all_run / all, all
}
