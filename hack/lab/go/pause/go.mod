module velero-volume-controller/lab/pause

go 1.24
