# Counts the TAP in FOLDER/KIND-NAME.tap of the tests given as arguments, prints what failed, and
# writes "N passed, N failed" to FOLDER/summary. Exit status 1 if something failed.

function fail(test, what) {
    failed++
    print "FAILED " test ": " what
}

BEGIN {
    for (i = 1; i < ARGC; i++) {
        test = ARGV[i]
        file = test
        gsub("/", "-", file)
        file = folder "/" file
        ran = bad = shown = 0
        plan = -1
        while ((getline line < (file ".tap")) > 0) {
            if (line ~ /^ok/) {
                ran++
                shown = 0
                if (line ~ /# *[Ss][Kk][Ii][Pp]/)
                    skips[++skipped] = test ": " line
                else
                    passed++
            } else if (line ~ /^not ok/) {
                ran++
                bad++
                shown = 60
                fail(test, line)
            } else if (line ~ /^1\.\.[0-9]+/) {
                plan = substr(line, 4) + 0
                if (plan == 0)
                    skips[++skipped] = test ": " line
            } else if (line ~ /^#/ && shown-- > 0)
                print "  " line
        }
        close(file ".tap")
        status = 125
        getline status < (file ".status")
        close(file ".status")
        if (bad == 0 && status != 0)
            fail(test, "exit status " status)
        else if (plan != ran)
            fail(test, plan < 0 ? "no plan" : "planned " plan " tests, ran " ran)
    }
    for (i = 1; i <= skipped; i++)
        print "skipped " skips[i]
    printf "%d passed, %d failed\n", passed, failed > (folder "/summary")
    exit failed > 0
}
