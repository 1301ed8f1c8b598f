module gocheck

go 1.24
